import type { ApiRequest } from '../../runtime/api/index.js';

export interface Delivery {
  readonly source?: string;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly query?: string;
}

/** A delivery as an adapter hands it on. */
export function request({ source, method = 'POST', headers, body, query = '' }: Delivery): ApiRequest {
  return {
    method,
    path: `/webhooks/${source ?? 'shop'}`,
    query: new URLSearchParams(query),
    rawQuery: query,
    headers: Object.fromEntries(
      Object.entries({ 'content-type': 'application/json', ...headers }).map(([name, value]) => [
        name.toLowerCase(),
        value,
      ]),
    ),
    body: typeof body === 'string' ? Buffer.from(body) : body,
    params: { source: source ?? 'shop' },
    identity: {},
  };
}
