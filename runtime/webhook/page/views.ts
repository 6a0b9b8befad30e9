import type { EndpointView } from '../sender/registry.js';
import type { Delivery, StoredAttempt } from '../sender/rows.js';
import { html, type Markup } from './html.js';

export const states = ['waiting', 'delivered', 'failed', 'held'] as const;

const address = (endpointId: string) => `/endpoints/${encodeURIComponent(endpointId)}`;

export const deliveryPath = ({ endpointId, webhookId }: { endpointId: string; webhookId: string }): string =>
  `${address(endpointId)}/deliveries/${encodeURIComponent(webhookId)}`;
export const endpointPath = address;

/** A button that acts, as a form, with the token of the session. */
export function button(
  csrf: string,
  text: string,
  fields: Readonly<Record<string, string>>,
  inner?: Markup,
): Markup {
  const hidden = Object.entries({ ...fields, csrf }).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  );
  return html`<form method="post" action="/">${hidden}${inner}<button>${text}</button></form>`;
}

function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly (Markup | string)[])[],
): Markup {
  const head = heads.map((text) => html`<th scope="col">${text}</th>`);
  const body = rows.map(([first, ...rest]) => {
    const cells = rest.map((cell) => html`<td>${cell}</td>`);
    return html`<tr>
      <th scope="row">${first}</th>
      ${cells}
    </tr>`;
  });
  return html`<table>
    <caption>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${head}
      </tr>
    </thead>
    <tbody>
      ${body}
    </tbody>
  </table>`;
}

const stateOf = ({ disabled }: EndpointView) =>
  disabled === undefined ? 'enabled' : `disabled (${disabled})`;

export function endpointsView(endpoints: readonly EndpointView[]): Markup {
  if (endpoints.length === 0) return html`<p>No endpoint is registered.</p>`;
  const rows = endpoints.map((one) => [
    html`<a href="${address(one.endpointId)}">${one.endpointId}</a>`,
    ...[one.url, one.types?.join(', ') ?? 'all', stateOf(one)],
  ]);
  return table('Endpoints', ['Endpoint', 'URL', 'Types', 'State'], rows);
}

export interface EndpointViewValues {
  readonly endpoint: EndpointView;
  readonly deliveries: readonly Delivery[];
  readonly state: string;
  /** Links to other pages of the list. */
  readonly pageNumber: number;
  readonly more: boolean;
  readonly csrf: string;
}

export function endpointView({
  endpoint,
  deliveries,
  state,
  pageNumber,
  more,
  csrf,
}: EndpointViewValues): Markup {
  const { endpointId } = endpoint;
  const act = (action: string) => ({ action, endpoint: endpointId });
  const toggle =
    endpoint.disabled === undefined
      ? button(csrf, 'Disable', act('disable'))
      : button(csrf, 'Enable', act('enable'));
  const since = html`<label for="since">Failed since (day, UTC)</label>
    <input id="since" name="since" type="date" required /> `;
  const options = ['', ...states].map((one) =>
    one === state
      ? html`<option value="${one}" selected>${one || 'all'}</option>`
      : html`<option value="${one}">${one || 'all'}</option>`,
  );
  const rows = deliveries.map((one) => [
    html`<a href="${deliveryPath(one)}">${one.webhookId}</a>`,
    ...[one.type, one.time, one.state, String(one.sends), one.last ?? ''],
  ]);
  const link = (to: number, text: string) =>
    html`<a href="${address(endpointId)}?${new URLSearchParams({ state, page: String(to) }).toString()}"
      >${text}</a
    > `;
  return html`<p>${endpoint.url}: ${stateOf(endpoint)}</p>
    <section aria-labelledby="act">
      <h2 id="act">Actions</h2>
      ${toggle}${button(csrf, 'Send a test', act('test'))}${button(csrf, 'Send failed ones again', act('replayAll'), since)}
    </section>
    <section aria-labelledby="list">
      <h2 id="list">Deliveries</h2>
      <form method="get" action="${address(endpointId)}">
        <label for="state">State</label>
        <select id="state" name="state">
          ${options}
        </select>
        <button>Show</button>
      </form>
      ${table('Deliveries, newest first', ['Delivery', 'Type', 'Time', 'State', 'Attempts', 'Last answer'], rows)}
      <nav aria-label="Pages">
        ${pageNumber > 0 ? link(pageNumber - 1, 'Newer') : undefined}${more ? link(pageNumber + 1, 'Older') : undefined}
      </nav>
    </section>`;
}

export function deliveryView(delivery: Delivery, attempts: readonly StoredAttempt[], csrf: string): Markup {
  const { endpointId, webhookId, type, time, state, sends, replays, last = 'none' } = delivery;
  const rows = attempts.map(({ at, outcome, durationMs, answer }) => [
    ...[at, outcome, `${durationMs} ms`],
    html`<pre>${answer.slice(0, 1_000)}</pre>`,
  ]);
  const again =
    state === 'waiting'
      ? undefined
      : button(csrf, 'Send again', {
          ...{ action: 'replay', endpoint: endpointId, delivery: webhookId, replays: String(replays) },
        });
  return html`<p>
      ${type} of ${time}: ${state}, ${sends} attempts, last answer ${last}.
      <a href="${address(endpointId)}">All deliveries of ${endpointId}</a>
    </p>
    ${again}
    <section aria-labelledby="list">
      <h2 id="list">Attempts</h2>
      ${table('Attempts that failed, newest first', ['Time', 'Outcome', 'Took', 'Answer'], rows)}
    </section>`;
}
