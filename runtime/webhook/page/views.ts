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

/** A table that scrolls by itself where the window is narrow, also by keyboard. */
function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly (Markup | string)[])[],
): Markup {
  const head = heads.map((text) => html`<th scope="col">${text}</th>`);
  const body = rows.map(([first, ...rest]) => {
    const cells = rest.map((cell) => html`<td>${cell}</td>`);
    return html`<tr>
      <th scope="row" class="id">${first}</th>
      ${cells}
    </tr>`;
  });
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table>
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
    </table>
  </div>`;
}

/** `2026-11-29T10:11:12.345Z` as people read it. */
const readable = (time: string) => time.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');

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

const columns = ['Delivery', 'Type', 'Time', 'State', 'Attempts', 'Suppressed', 'Last answer'];

/** What came to the endpoint more than once, of the deliveries that are shown. */
function copiesByType(deliveries: readonly Delivery[]): Markup {
  const types = new Map<string, { deliveries: number; copies: number; suppressed: number }>();
  for (const { type, sends, suppressed = 0 } of deliveries) {
    const sum = types.get(type) ?? { deliveries: 0, copies: 0, suppressed: 0 };
    sum.deliveries += 1;
    sum.copies += Math.max(0, sends - 1);
    sum.suppressed += suppressed;
    types.set(type, sum);
  }
  const rows = [...types].map(([type, sum]) => [type, ...Object.values(sum).map(String)]);
  const heads = ['Type', 'Deliveries', 'Further attempts', 'Suppressed'];
  return html`<h2>Duplicates</h2>
    <p class="soft">
      Every attempt of a delivery has the same webhook-id. Suppressed: your endpoint answered
      <code>Idempotent-Replayed: true</code>, so it had acted before and did not act again. An endpoint that
      does not say so counts 0, also when it suppresses.
    </p>
    ${table('By type, of the deliveries above', heads, rows)}`;
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
    ...[
      one.type,
      readable(one.time),
      one.state,
      String(one.sends),
      String(one.suppressed ?? 0),
      one.last ?? '',
    ],
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
      ${
        rows.length === 0
          ? html`<p>No delivery ${state === '' ? 'yet' : `is ${state}`}.</p>`
          : [table('Deliveries, newest first', columns, rows), copiesByType(deliveries)]
      }
      <nav aria-label="Pages">
        ${pageNumber > 0 ? link(pageNumber - 1, 'Newer') : undefined}${more ? link(pageNumber + 1, 'Older') : undefined}
      </nav>
    </section>`;
}

export function deliveryView(delivery: Delivery, attempts: readonly StoredAttempt[], csrf: string): Markup {
  const {
    endpointId,
    webhookId,
    type,
    time,
    state,
    sends,
    replays,
    suppressed = 0,
    last = 'none',
  } = delivery;
  const rows = attempts.map(({ at, outcome, durationMs, answer }) => [
    ...[readable(at), outcome, `${durationMs} ms`],
    html`<pre>${answer.slice(0, 1_000)}</pre>`,
  ]);
  const again =
    state === 'waiting'
      ? undefined
      : button(csrf, 'Send again', {
          ...{ action: 'replay', endpoint: endpointId, delivery: webhookId, replays: String(replays) },
        });
  return html`<p>
      ${type} of ${readable(time)}: ${state}, ${sends} attempt${sends === 1 ? '' : 's'}, last answer ${last}.
      ${suppressed > 0 ? `Your endpoint has suppressed ${suppressed} of them as known already.` : undefined}
      <a href="${address(endpointId)}">All deliveries of ${endpointId}</a>
    </p>
    ${again}
    <section aria-labelledby="list">
      <h2 id="list">Attempts</h2>
      ${
        rows.length === 0
          ? html`<p>None has failed.</p>`
          : table('Attempts that failed, newest first', ['Time', 'Outcome', 'Took', 'Answer'], rows)
      }
    </section>`;
}
