import type { SecretSource } from '../secrets.js';
import { NotRegistered } from '../sender/errors.js';
import { WebhookRegistry, type WebhookRegistryOptions } from '../sender/registry.js';
import { html } from './html.js';
import { page, seeOther, type PageContent, type PageHome, type PageResponse } from './layout.js';
import { formToken, isFormToken, opened, sealed, type Session } from './link.js';
import { deliveryPath, deliveryView, endpointPath, endpointsView, endpointView, states } from './views.js';

/** An event of an HTTP API (payload 2.0) or of a function URL. */
export interface PageRequest {
  readonly rawPath: string;
  readonly rawQueryString?: string;
  readonly cookies?: readonly string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
  readonly requestContext: { readonly http: { readonly method: string } };
}

export interface WebhookPageOptions extends WebhookRegistryOptions {
  /** What signs links, each of 32 bytes at least: the first signs, all count. `secretsManager({ secretId })`. */
  readonly secrets: SecretSource;
  /** Whether a link, with all sessions it began, was taken back. Asked at each request. @default - none is */
  readonly isRevoked?: (link: {
    readonly linkId: string;
    readonly tenant: string;
  }) => boolean | Promise<boolean>;
  /** A link on every page to what it belongs to. @default - none */
  readonly home?: PageHome;
}

const cookieName = '__Host-webhooks';
const pageSize = 50;
/** A page further on reads all before it. */
const maxPage = 20;

interface Visit {
  readonly tenant: string;
  readonly csrf: string;
  readonly query: URLSearchParams;
}

/**
 * The page of a tenant's endpoints, as a handler of a function behind an HTTP API or a function URL, at the root of
 * its host. Everything is looked up under the tenant that the link was signed for. A form that is sent twice puts a
 * delivery up once; a test that is sent twice is two tests.
 */
export function webhookPage(options: WebhookPageOptions): (request: PageRequest) => Promise<PageResponse> {
  const registry = new WebhookRegistry(options);
  const { now = Date.now, isRevoked = () => false, home } = options;
  const shown = (content: PageContent) => page({ ...content, home });
  return async (request) => {
    const { method } = request.requestContext.http;
    const query = new URLSearchParams(request.rawQueryString ?? '');
    const secrets = await options.secrets.secrets(false);
    const token = query.get('token');
    const entering = token !== null && method === 'GET';
    const cookie = cookieOf(request);
    const session = opened(entering ? 'link' : 'session', entering ? token : cookie, secrets, now());
    if (session === undefined || (await isRevoked(session))) return refused();
    if (entering) return entered(session, secrets, now());
    const { tenant } = session;
    try {
      if (method === 'POST') {
        const form = formOf(request);
        if (!isFormToken(form.get('csrf') ?? '', cookie, secrets)) return refused();
        return seeOther(await act(registry, tenant, form));
      }
      if (method !== 'GET')
        return problem(405, 'This cannot be done', 'The page is read, or its forms are sent.');
      return shown(
        await show(registry, request.rawPath, {
          tenant,
          query,
          csrf: formToken(cookie, secrets[0] ?? ''),
        }),
      );
    } catch (error) {
      if (error instanceof NotRegistered) return problem(404, 'Not found', 'There is nothing of this name.');
      throw error;
    }
  };
}

/**
 * Begins a session. The page goes on by itself: with a redirect of ours the browser would take the visit for one of
 * the site that the link was on, and hold back a cookie that is `SameSite=Strict`.
 */
function entered(session: Session, secrets: readonly string[], nowMs: number): PageResponse {
  const age = session.expires - Math.floor(nowMs / 1000);
  const value = sealed('session', session, secrets[0] ?? '');
  return page({
    title: 'Webhooks',
    head: html`<meta http-equiv="refresh" content="0; url=/" />`,
    main: html`<p><a href="/">Go on to your endpoints</a></p>`,
    cookies: [`${cookieName}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${age}`],
  });
}

function refused(): PageResponse {
  return problem(
    403,
    'This link does not open the page',
    'It has expired or is not complete. Ask for a new one.',
  );
}

function problem(statusCode: number, title: string, text: string): PageResponse {
  return page({ statusCode, title, main: html`<p>${text}</p>` });
}

function cookieOf({ cookies = [] }: PageRequest): string {
  return cookies.find((one) => one.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1) ?? '';
}

function formOf({ body = '', isBase64Encoded }: PageRequest): URLSearchParams {
  return new URLSearchParams(isBase64Encoded === true ? Buffer.from(body, 'base64').toString() : body);
}

async function show(registry: WebhookRegistry, path: string, visit: Visit): Promise<PageContent> {
  const { tenant, query, csrf } = visit;
  const status = said(query);
  if (path === '/' || path === '')
    return { title: 'Webhook endpoints', status, main: endpointsView(await registry.list(tenant)) };
  const [, id, webhookId] = /^\/endpoints\/([^/]+)(?:\/deliveries\/([^/]+))?$/.exec(path)?.map(decoded) ?? [];
  if (id === undefined || id === '') throw new NotRegistered('endpoint', tenant, '');
  if (webhookId !== undefined && webhookId !== '') {
    const delivery = await registry.delivery(tenant, id, webhookId);
    const main = deliveryView(delivery, await registry.attempts(delivery), csrf);
    return { title: `Delivery ${webhookId}`, status, main };
  }
  const endpoint = await registry.get(tenant, id);
  const pageNumber = Math.min(Math.max(Math.trunc(Number(query.get('page'))) || 0, 0), maxPage);
  const state = states.find((one) => one === query.get('state'));
  const from = pageNumber * pageSize;
  const found = await registry.deliveries(tenant, id, {
    ...(state && { states: [state] }),
    limit: from + pageSize + 1,
  });
  const main = endpointView({
    ...{ endpoint, deliveries: found.slice(from, from + pageSize), state: state ?? '', pageNumber, csrf },
    more: found.length > from + pageSize && pageNumber < maxPage,
  });
  return { title: `Endpoint ${id}`, status, main };
}

function decoded(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '');
  } catch {
    return '';
  }
}

/** Does what a form says. @returns where to go then */
async function act(registry: WebhookRegistry, tenant: string, form: URLSearchParams): Promise<string> {
  const id = form.get('endpoint') ?? '';
  await registry.get(tenant, id);
  const at = endpointPath(id);
  switch (form.get('action')) {
    case 'disable':
      await registry.disable(tenant, id);
      return `${at}?did=disabled`;
    case 'enable':
      await registry.enable(tenant, id);
      return `${at}?did=enabled`;
    case 'test':
      await registry.test(tenant, id);
      return `${at}?did=tested`;
    case 'replayAll': {
      const since = new Date(`${form.get('since') ?? ''}T00:00:00Z`);
      if (Number.isNaN(since.getTime())) return `${at}?did=noDay`;
      const count = await registry.replayAll({ tenant, endpointId: id, since, states: ['failed'] });
      return `${at}?did=replayedAll&count=${count}`;
    }
    case 'replay': {
      const delivery = await registry.delivery(tenant, id, form.get('delivery') ?? '');
      // A form of before the last replay is the same form once more. One that says nothing acts as it never does.
      const replays = Number(form.get('replays') ?? '-1');
      const put =
        Number.isInteger(replays) && (await registry.replay(tenant, id, delivery.webhookId, { replays }));
      return `${deliveryPath(delivery)}?did=${put ? 'replayed' : 'replayedBefore'}`;
    }
    default:
      return at;
  }
}

function said(query: URLSearchParams): string | undefined {
  const count = Math.trunc(Number(query.get('count'))) || 0;
  const texts = new Map([
    ['disabled', 'The endpoint is disabled.'],
    ['enabled', 'The endpoint is enabled.'],
    ['tested', 'A test is sent.'],
    ['noDay', 'Nothing was done: give a day.'],
    ['replayedAll', `${count} deliveries are sent again.`],
    ['replayed', 'The delivery is sent again.'],
    ['replayedBefore', 'Nothing was done: it is being sent, or was sent again before.'],
  ]);
  return texts.get(query.get('did') ?? '');
}
