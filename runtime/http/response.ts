/** What streams have and bodies that can be saved do not. */
interface Unsaveable {
  readonly pipe?: never;
  readonly getReader?: never;
  readonly then?: never;
  readonly [Symbol.asyncIterator]?: never;
}

/**
 * A body that can be replayed: text and bytes are sent as they are, anything else as JSON. A stream does not compile:
 * it cannot be part of a commit, and who asks again would get nothing.
 */
export type ResponseBody =
  string | number | boolean | null | (object & Unsaveable) | (Readonly<Record<string, unknown>> & Unsaveable);

/** What a handler answers. */
export interface ApiResponse {
  /** 200 to 599. */
  readonly status: number;
  /**
   * Only those that are allow-listed are saved and replayed, see `savedHeaders`. @default - content-type from the
   * body
   */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ResponseBody;
  /** `Set-Cookie` lines. Sent with the first answer, never saved: a cookie may belong to one connection only. */
  readonly cookies?: readonly string[];
}

/** A response as it is sent: the same bytes at the first time and at every replay. */
export interface RenderedResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Text where it is text, so that it is stored and sent as such. */
  readonly body: string | Uint8Array;
  readonly cookies: readonly string[];
}

/**
 * Makes the bytes that are sent and saved.
 *
 * @throws TypeError when the body cannot be JSON or the status is none: a defect of the handler.
 */
export function render({ status, headers = {}, body, cookies = [] }: ApiResponse): RenderedResponse {
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(`status must be a whole number from 200 to 599, got ${status}`);
  const given = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const [type, rendered] = content(body);
  return {
    status,
    headers: type === undefined ? given : { 'content-type': type, ...given },
    body: rendered,
    cookies,
  };
}

function content(body: ResponseBody | undefined): [type: string | undefined, body: string | Uint8Array] {
  if (body === undefined) return [undefined, ''];
  if (body instanceof Uint8Array) return ['application/octet-stream', body];
  // A lone surrogate has no UTF-8: what cannot be sent cannot be saved either.
  if (typeof body === 'string') return ['text/plain; charset=utf-8', body.toWellFormed()];
  return ['application/json', JSON.stringify(body)];
}

export function bytesOfBody(body: string | Uint8Array): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : body;
}
