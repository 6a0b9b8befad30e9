import type { StandardSchemaV1 } from '@standard-schema/spec';
import { InvalidSettings } from '../dedup/errors.js';
import {
  KeyConflict,
  OutcomeUnconfirmed,
  RequestRefused,
  UnexpectedAnswer,
  type ProblemDetails,
} from './errors.js';
import { mayRetry, pauseMs, retryAfterMs, type Pauses } from './retry.js';

export interface IdempotentClientOptions {
  /** Absolute URL; paths of requests are appended to it. */
  readonly baseUrl: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends one attempt: the place to sign it, each attempt anew. @default fetch */
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
  /** Sent as JSON. Serialised once: every attempt carries the same bytes. */
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
   * Validates the JSON of a 2xx answer (https://standardschema.dev). @default - the JSON as it came, `undefined`
   * without a body
   */
  readonly answer?: StandardSchemaV1<unknown, Answer>;
  readonly signal?: AbortSignal;
}

/** An answer that settles the request. */
export interface IdempotentAnswer<Answer> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Answer;
  readonly key: string;
  /** Whether it is the answer to an earlier attempt. */
  readonly replayed: boolean;
  readonly attempts: number;
}

/** See {@link idempotentClient}. */
export interface IdempotentClient {
  /**
   * @throws RequestRefused for a 4xx that stays one, KeyConflict for 422: neither is tried again.
   * @throws OutcomeUnconfirmed when it gave up: the request may have been done.
   * @throws UnexpectedAnswer when it was done and the answer does not fit.
   */
  send<Answer = unknown>(request: IdempotentRequest<Answer>): Promise<IdempotentAnswer<Answer>>;
}

/**
 * A client of an API with Idempotency-Keys. All attempts of one `send` carry one key and the same bytes, so however
 * many of them arrive, the API does it once.
 *
 * Tried again, after a pause with full jitter that is never shorter than `Retry-After`: lost connections, timeouts,
 * 408, 409, 425, 429 and 5xx. Not tried again: every other 4xx; 400 and 422 are about the request, which would be the
 * same.
 *
 * @throws InvalidSettings when an option is out of range.
 */
export function idempotentClient(options: IdempotentClientOptions): IdempotentClient {
  const { baseUrl, attemptTimeoutMs = 30_000, giveUpAfterMs = 300_000, fetch: transport = fetch } = options;
  const pauses: Pauses = { firstMs: 100, longestMs: 20_000, random: Math.random, ...options.pauses };
  const problems = [];
  if (!URL.canParse(baseUrl)) problems.push(`baseUrl must be an absolute URL, got '${baseUrl}'`);
  for (const [name, value] of Object.entries({ attemptTimeoutMs, giveUpAfterMs }))
    if (!(value > 0)) problems.push(`${name} must be above 0, got ${value}`);
  if (problems.length > 0) throw new InvalidSettings(problems);

  return {
    async send<Answer>(request: IdempotentRequest<Answer>) {
      const { method = 'POST', path, body, key = crypto.randomUUID(), signal } = request;
      const url = baseUrl.replace(/\/$/, '') + path;
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
        ...request.headers,
        'idempotency-key': `"${key.replace(/["\\]/g, '\\$&')}"`,
      };
      const giveUpAt = Date.now() + giveUpAfterMs;
      for (let attempts = 1; ; attempts += 1) {
        signal?.throwIfAborted();
        const about = { method, url, key, attempts };
        const timeout = AbortSignal.timeout(attemptTimeoutMs);
        const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
        let failure: string;
        let cause: unknown;
        let wanted = 0;
        try {
          const response = await transport(
            new Request(url, { method, headers, body: payload, signal: either, redirect: 'manual' }),
          );
          const text = await response.text();
          if (!mayRetry(response.status)) return await settled(request, about, response, text);
          failure = `status ${response.status}`;
          wanted = retryAfterMs(response.headers.get('retry-after'), Date.now());
        } catch (error) {
          if (error instanceof RequestRefused || error instanceof UnexpectedAnswer) throw error;
          signal?.throwIfAborted();
          failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
          cause = error;
        }
        const pause = pauseMs(attempts, wanted, pauses);
        if (Date.now() + pause >= giveUpAt) throw new OutcomeUnconfirmed(about, failure, { cause });
        options.onRetry?.({ key, attempts, failure });
        await sleep(pause, signal);
      }
    },
  };
}

async function settled<Answer>(
  { answer }: IdempotentRequest<Answer>,
  about: { method: string; url: string; key: string; attempts: number },
  { status, headers }: Response,
  text: string,
): Promise<IdempotentAnswer<Answer>> {
  if (status >= 300) {
    const Refusal = status === 422 ? KeyConflict : RequestRefused;
    throw new Refusal(about, status, problemOf(headers, text), text);
  }
  let json: unknown;
  try {
    json = text === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new UnexpectedAnswer(about, status, 'it is not JSON', { cause });
  }
  const checked = await answer?.['~standard'].validate(json);
  if (checked?.issues)
    throw new UnexpectedAnswer(about, status, checked.issues.map(({ message }) => message).join('; '));
  return {
    status,
    headers,
    // Without a schema the caller has said what it expects.
    body: (checked === undefined ? json : checked.value) as Answer,
    key: about.key,
    replayed: headers.get('idempotent-replayed') === 'true',
    attempts: about.attempts,
  };
}

function problemOf(headers: Headers, text: string): ProblemDetails | undefined {
  if (!/^application\/problem\+json\b/i.test(headers.get('content-type') ?? '')) return undefined;
  try {
    const problem: unknown = JSON.parse(text);
    return typeof problem === 'object' && problem !== null ? problem : undefined;
  } catch {
    return undefined;
  }
}

/** @throws the signal's reason when it fires first. */
async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve();
    }
  });
}
