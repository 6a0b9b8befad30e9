import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { CallerOf } from './caller.js';
import type { FingerprintOf } from './identity.js';
import type { ApiRequest } from './request.js';
import type { ApiResponse } from '../http/response.js';
import type { RequestSummary } from './summary.js';

/** A request with a key, as a handler sees it. */
export interface KeyedRequest<Body> extends Omit<ApiRequest, 'body'> {
  /**
   * Identity of the request: the same at every retry, and no other caller's, method's or path's whatever keys they
   * choose. For ids of rows, and for keys towards other services. 43 characters of base64url.
   */
  readonly id: string;
  /**
   * The Idempotency-Key, without quotes and escapes. Chosen by the client: two callers may choose the same one. Made
   * for this request alone when it has come without one.
   */
  readonly key: string;
  /** Whether the client has sent the key. If not, what it sends again acts again, see `withoutKey`. */
  readonly keyGiven: boolean;
  /** Who calls, as `caller` has named it. */
  readonly caller: string;
  /** What the schema made of the body; the raw bytes without a schema. */
  readonly body: Body;
}

/** What becomes of a request that has no key. */
export type WithoutKey = 'refuse' | 'run';

/** What every API with Idempotency-Keys is told, wherever its receipts are. */
export interface KeyedApiOptions<Body, Tx> {
  /**
   * Validates the body, which then has to be JSON (zod, valibot, arktype, ...: https://standardschema.dev). A body it
   * refuses is answered with 400 and the first 20 issues, and nothing is saved. Integers beyond 2^53 are `bigint`; no
   * body at all is `undefined`.
   *
   * @default - the handler gets the raw bytes
   */
  readonly schema?: StandardSchemaV1<unknown, Body>;
  /**
   * Fills the transaction and returns the answer. Both are committed in one step; what is in `tx` is committed
   * whatever the status, so decide before filling it. May run more than once for one request, so it must have no
   * effect outside `tx`; one that no transaction holds goes through `tx.once`, see `leases`. A throw is answered with
   * 500, and nothing is committed or saved.
   */
  readonly handle: (request: KeyedRequest<Body>, tx: Tx) => ApiResponse | Promise<ApiResponse>;
  /** Answers GET, HEAD and OPTIONS, which need no key and have no transaction. @default - 405 */
  readonly read?: (request: ApiRequest) => ApiResponse | Promise<ApiResponse>;
  /** Names the caller. @default authenticatedCaller */
  readonly caller?: CallerOf;
  /**
   * What a 5xx that the handler returns is worth. `stripe-v2`: nothing, neither it nor the transaction is committed,
   * and the next try runs again. `stripe-v1`: it is an answer like any other, committed with the transaction and
   * replayed.
   *
   * @default 'stripe-v2'
   */
  readonly serverErrors?: 'stripe-v1' | 'stripe-v2';
  /**
   * Statuses of the handler that say "come again": neither the answer nor the transaction is committed, and the next
   * try runs again. Saved, they would be the answer until the window is over.
   *
   * @default [408, 425, 429, 503]
   */
  readonly transientStatuses?: readonly number[];
  /**
   * The header that keys come in, such as `x-idempotency-key` or `paypal-request-id`.
   *
   * @default 'idempotency-key'
   */
  readonly keyHeader?: string;
  /**
   * What becomes of a request without a key. `run`: it acts, in a transaction as any other, and what the client sends
   * again acts again.
   *
   * @default 'refuse', with 400
   */
  readonly withoutKey?: WithoutKey | ((request: ApiRequest) => WithoutKey);
  /**
   * Chooses what two requests under one key must agree on, beside method, resource and query: out of the JSON as it
   * was sent, before the schema, or the bytes of a body that is none. For clients that put a time or a trace id into
   * the body. It must choose the same of every try.
   *
   * @default - the whole body
   */
  readonly fingerprint?: FingerprintOf;
  /** Largest body, in bytes after decoding, at most 32 MiB; beyond it 413. @default 1,048,576 (1 MiB) */
  readonly maxBodyBytes?: number;
  /**
   * More headers to save and replay.
   *
   * @default - content-*, location, link, etag, last-modified, cache-control, retry-after
   */
  readonly savedHeaders?: readonly string[];
  /** Page about this API, which problems lead to. @default - problems have URNs as types and no Link */
  readonly documentation?: string;
  /** Called once per request. @default - one JSON line per request on stdout */
  readonly observe?: (summary: RequestSummary) => void;
}
