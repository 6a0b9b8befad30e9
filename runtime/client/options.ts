import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Pauses } from './retry.js';

export interface IdempotentClientOptions {
  /** Absolute URL; paths of requests are appended to it. */
  readonly baseUrl: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Sends one attempt: the place to sign it, each attempt anew. Throw RequestNotSent where nothing can be sent.
   *
   * @default fetch
   */
  readonly fetch?: (request: Request) => Promise<Response>;
  /**
   * How long one attempt may take, in milliseconds, its body included. @default 30,000: API Gateway's limit is 29 s
   * or 30 s
   */
  readonly attemptTimeoutMs?: number;
  /** How long the client goes on, in milliseconds. Must be below the API's window of keys. @default 300,000 */
  readonly giveUpAfterMs?: number;
  /** Pauses between attempts. @default first up to 100 ms, doubling up to 20 s, full jitter */
  readonly pauses?: Partial<Pauses>;
  /** Called when an attempt has settled nothing and another one follows. */
  readonly onRetry?: (attempt: {
    readonly key: string;
    readonly attempts: number;
    readonly failure: string;
  }) => void;
}

/** A request to a method that acts. */
export interface IdempotentRequest<Answer> {
  /** @default 'POST' */
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Begins with a slash. */
  readonly path: string;
  /** Sent as JSON, a `bigint` as an integer. Serialised once: every attempt carries the same bytes. */
  readonly body?: unknown;
  /**
   * The Idempotency-Key: 1 to 255 visible ASCII characters. Keep it with what it is for before the request is made,
   * and a client that has died can ask again.
   *
   * @default - a random UUID, for this call only
   */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Validates the JSON of a 2xx answer (https://standardschema.dev), in which integers beyond 2^53 are `bigint`.
   *
   * @default - the JSON as it came, `undefined` without a body
   */
  readonly answer?: StandardSchemaV1<unknown, Answer>;
  readonly signal?: AbortSignal;
}

/** An answer that settles the request: 2xx, or 303, whose `location` says where its result is to be seen. */
export interface IdempotentAnswer<Answer> {
  readonly status: number;
  readonly headers: Headers;
  /** Of 303, which is no result itself, the JSON if there is any; it is not validated. */
  readonly body: Answer;
  readonly key: string;
  /** Whether it is the answer to an earlier attempt. */
  readonly replayed: boolean;
  readonly attempts: number;
}
