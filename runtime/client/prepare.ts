import { exactJsonText } from '../dedup/exact-json.js';
import { refuseEmptied } from '../dedup/json-data.js';
import { RequestNotSent } from './errors.js';
import type { IdempotentClientOptions, IdempotentRequest } from './options.js';

/** What every attempt of one `send` has in common. */
export interface RequestMaker {
  readonly about: { readonly method: string; readonly url: string; readonly key: string };
  /** The request of one attempt. */
  readonly request: (signal: AbortSignal) => Request;
}

/**
 * Serialises a request once, and finds out that it can be sent.
 *
 * @throws RequestNotSent when its key, path, headers or body cannot be.
 */
export function requestMaker<Answer>(
  { baseUrl, headers: always = {} }: Pick<IdempotentClientOptions, 'baseUrl' | 'headers'>,
  { method = 'POST', path, body, key = crypto.randomUUID(), headers: more = {} }: IdempotentRequest<Answer>,
): RequestMaker {
  const url = baseUrl.replace(/\/$/, '') + path;
  if (!/^[\x20-\x7e]{1,255}$/.test(key))
    throw new RequestNotSent('its key must be 1 to 255 visible ASCII characters and blanks');
  if (!path.startsWith('/')) throw new RequestNotSent("its path must begin with '/'");
  // What is behind it stays here: `/orders/a#1` and `/orders/a#2` would be one resource.
  if (path.includes('#'))
    throw new RequestNotSent("its path holds a '#', which is not sent; write it as %23");
  try {
    const payload = body === undefined ? undefined : exactJsonText(body, refuseEmptied);
    // One name in two spellings is one header: the last one counts, they are not joined.
    const headers = new Headers(payload === undefined ? {} : { 'content-type': 'application/json' });
    for (const given of [always, more])
      for (const [name, value] of Object.entries(given)) headers.set(name, value);
    headers.set('idempotency-key', `"${key.replace(/["\\]/g, '\\$&')}"`);
    const request = (signal?: AbortSignal) =>
      new Request(url, { method, headers, body: payload, signal, redirect: 'manual' });
    request();
    return { about: { method, url, key }, request };
  } catch (cause) {
    throw new RequestNotSent('its URL, headers or body cannot be', { cause });
  }
}
