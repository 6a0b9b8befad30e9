import { cookiesOf, headersOf } from './headers.js';
import { jsonText } from './json-body.js';

/** What streams, promises, collections, blobs and responses have, and bodies that can be saved do not. */
interface Unsaveable {
  readonly pipe?: never;
  readonly getReader?: never;
  readonly then?: never;
  readonly arrayBuffer?: never;
  readonly [Symbol.asyncIterator]?: never;
  readonly [Symbol.iterator]?: never;
}

/**
 * A body that can be replayed: text and bytes are sent as they are, anything else as JSON, a `bigint` as an integer.
 * What cannot be part of a commit does not compile, and is refused at run time: a stream, of which who asks again
 * would get nothing, and what JSON makes `{}` of, such as a Map, Set, URLSearchParams, Blob, Response or promise.
 */
export type ResponseBody =
  | string
  | number
  | bigint
  | boolean
  | null
  | ArrayBuffer
  | ArrayBufferView
  | readonly unknown[]
  | (object & Unsaveable)
  | (Readonly<Record<string, unknown>> & Unsaveable);

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

/** Answers of these have no body: HTTP would cut it off, and the first answer would differ from its replay. */
const bodiless = new Set([204, 205, 304]);

/**
 * Makes the bytes that are sent and saved.
 *
 * @throws TypeError when HTTP cannot carry the answer, or JSON would make something else of its body: a defect of the
 *   handler, found before the commit.
 */
export function render({ status, headers = {}, body, cookies = [] }: ApiResponse): RenderedResponse {
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(`status must be a whole number from 200 to 599, got ${status}`);
  if (body !== undefined && bodiless.has(status))
    throw new TypeError(`an answer with status ${status} has no body; leave \`body\` out`);
  const [type, rendered] = content(body);
  const given = headersOf(headers);
  return {
    status,
    headers: type === undefined ? given : { 'content-type': type, ...given },
    body: rendered,
    cookies: cookiesOf(cookies),
  };
}

function content(body: ResponseBody | undefined): [type: string | undefined, body: string | Uint8Array] {
  if (body === undefined) return [undefined, ''];
  const bytes = bytesIn(body);
  if (bytes !== undefined) return ['application/octet-stream', bytes];
  // A lone surrogate has no UTF-8: what cannot be sent cannot be saved either.
  if (typeof body === 'string') return ['text/plain; charset=utf-8', body.toWellFormed()];
  return ['application/json', jsonText(body)];
}

/** The bytes of a buffer or of a view of one, undefined for anything else. */
function bytesIn(body: ResponseBody): Uint8Array | undefined {
  if (body instanceof Uint8Array) return body;
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  // By its tag: a buffer may be of another realm.
  const tag = Object.prototype.toString.call(body);
  return tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]'
    ? new Uint8Array(body as ArrayBuffer)
    : undefined;
}

export function bytesOfBody(body: string | Uint8Array): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : body;
}
