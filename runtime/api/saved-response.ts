import { createHash } from 'node:crypto';
import { ExactlyOnceError, InvalidSettings } from '../dedup/errors.js';
import { bytesOfBody, type RenderedResponse } from '../http/response.js';

/**
 * Where bodies go that have no room in a receipt. Every attempt writes an object of its own, so that one attempt
 * never replaces what another has committed to.
 */
export interface ResponseStore {
  /**
   * Resolves when the object is durable.
   *
   * @param signal fires at the request's deadline, when the call is given up
   */
  put(name: string, body: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Undefined when there is no such object. @param signal as for `put` */
  get(name: string, signal?: AbortSignal): Promise<Uint8Array | undefined>;
}

/** A response as a receipt keeps it. */
export type SavedResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
} & (
  | { readonly body: string | Uint8Array }
  /** `object` holds the body, as UTF-8 if `text`. */
  | { readonly object: string; readonly sha256: string; readonly text: boolean }
);

/** A big body that is gone, or is not what was saved. The request was processed all the same. */
export class SavedResponseLost extends ExactlyOnceError {
  override name = 'SavedResponseLost';
  constructor(
    readonly object: string,
    problem: string,
  ) {
    super(`saved response '${object}' ${problem}; its request was processed and is not run again`);
  }
}

/** The answer has no room in a receipt and there is nowhere else to put it, or whatever carries it cannot. */
export class ResponseTooLarge extends ExactlyOnceError {
  override name = 'ResponseTooLarge';
  constructor(
    readonly bytes: number,
    readonly most: number,
    holder: string,
    advice: string,
  ) {
    super(`the response has ${bytes} bytes, ${holder} holds ${most}; ${advice}`);
  }
}

/**
 * Headers that say what the answer is. What they leave out (`set-cookie`, `date`, ...) is of one connection or
 * moment.
 */
const savedByDefault = [
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'content-location',
  'location',
  'link',
  'etag',
  'last-modified',
  'cache-control',
  'retry-after',
];
const neverSaved = new Set(['set-cookie', 'www-authenticate', 'authorization', 'connection', 'date']);

/** @throws InvalidSettings for a header that must not reach anybody but the one it was made for. */
export function savedHeaderNames(more: readonly string[]): ReadonlySet<string> {
  const names = more.map((name) => name.toLowerCase());
  const refused = names.filter((name) => neverSaved.has(name));
  if (refused.length > 0)
    throw new InvalidSettings(
      refused.map((name) => `savedHeaders has '${name}', which is never replayed; remove it`),
    );
  return new Set([...savedByDefault, ...names]);
}

/** What a receipt keeps of an answer, and where its body is to be put first if it has no room there. */
export interface Saving {
  readonly saved: SavedResponse;
  readonly object?: { readonly name: string; readonly bytes: Uint8Array; readonly store: ResponseStore };
}

/** Where an answer goes, as far as it has room there. */
export interface Room {
  /** Most bytes in the receipt itself. */
  readonly answerBytes: number;
  readonly responses: ResponseStore | undefined;
  /** Id of the receipt. */
  readonly receipt: string;
  /** Random name of this attempt. */
  readonly attempt: string;
}

/**
 * How an answer is saved. A big body has to be in the store before the commit, under the name of the receipt and this
 * attempt: were it written after it, a crash in between would leave a receipt without an answer.
 *
 * @throws ResponseTooLarge
 */
export function saving(
  { status, headers, body }: RenderedResponse,
  allowed: ReadonlySet<string>,
  { answerBytes, responses: store, receipt, attempt }: Room,
): Saving {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => allowed.has(name)));
  const bytes = bytesOfBody(body);
  const size = bytes.byteLength + Buffer.byteLength(JSON.stringify(kept));
  if (size <= answerBytes) return { saved: { status, headers: kept, body } };
  if (store === undefined)
    throw new ResponseTooLarge(
      size,
      answerBytes,
      'a receipt',
      'answer with a reference or, on DynamoDB, give a `responses` store (a bucket)',
    );
  const name = `${createHash('sha256').update(receipt).digest('base64url')}/${attempt}`;
  return {
    saved: { status, headers: kept, object: name, sha256: sha256(bytes), text: typeof body === 'string' },
    object: { name, bytes, store },
  };
}

/** Whether a receipt's result is a response: another layer that shares the table may have left something else. */
export function isSaved(result: unknown): result is SavedResponse {
  return (
    typeof result === 'object' &&
    result !== null &&
    'status' in result &&
    typeof result.status === 'number' &&
    'headers' in result &&
    typeof result.headers === 'object' &&
    ('body' in result || 'object' in result)
  );
}

/**
 * The answer as it was, marked as a replay.
 *
 * @throws SavedResponseLost when its object is missing or was changed, and whatever the store throws.
 */
export async function replay(
  saved: SavedResponse,
  store: ResponseStore | undefined,
): Promise<RenderedResponse> {
  const { status, headers } = saved;
  const body = 'object' in saved ? await fetched(saved, store) : saved.body;
  return { status, headers: { ...headers, 'idempotent-replayed': 'true' }, body, cookies: [] };
}

async function fetched(
  { object, sha256: expected, text }: Extract<SavedResponse, { object: string }>,
  store: ResponseStore | undefined,
): Promise<string | Uint8Array> {
  if (store === undefined) throw new SavedResponseLost(object, 'cannot be read without a `responses` store');
  const bytes = await store.get(object);
  if (bytes === undefined) throw new SavedResponseLost(object, 'is not there');
  if (sha256(bytes) !== expected) throw new SavedResponseLost(object, 'is not what was saved');
  return text ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) : bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}
