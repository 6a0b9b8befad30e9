import { InvalidSettings } from '../dedup/errors.js';
import { steadyNow } from '../dedup/steady-now.js';
import { timerMs } from '../dedup/timer-ms.js';
import { unlessAborted } from '../dedup/unless-aborted.js';
import { answerOf, type Settling } from './answer.js';
import { OutcomeUnconfirmed, RequestNotSent } from './errors.js';
import { sentBy, type Sent } from './never-sent.js';
import type { IdempotentAnswer, IdempotentClientOptions, IdempotentRequest } from './options.js';
import { requestMaker } from './prepare.js';
import { isReplay, mayRetry, pauseMs, retryAfterMs, type Pauses } from './retry.js';

/** See {@link idempotentClient}. */
export interface IdempotentClient {
  /**
   * @throws RequestRefused for an answer that stays what it is, KeyConflict for 422: neither is tried again.
   * @throws RequestNotSent when nothing was sent: at once if the request cannot be.
   * @throws OutcomeUnconfirmed when it gave up, or the API says that asking again is of no use: the request may have
   *   been done.
   * @throws UnexpectedAnswer when it was done and the answer does not fit.
   */
  send<Answer = unknown>(request: IdempotentRequest<Answer>): Promise<IdempotentAnswer<Answer>>;
}

/**
 * A client of an API with Idempotency-Keys. All attempts of one `send` carry one key and the same bytes, so however
 * many of them arrive, the API does it once.
 *
 * Tried again, after a pause with full jitter that is never shorter than `Retry-After`: what can help. That is lost
 * connections, timeouts, 408, 425, 429, 500, 502, 503, 504, 409 with `Retry-After`, and whatever the API says should
 * be (`x-should-retry`, `stripe-should-retry`). Not tried again: replays, and every other answer.
 *
 * @throws InvalidSettings when an option is out of range.
 */
export function idempotentClient(options: IdempotentClientOptions): IdempotentClient {
  const { baseUrl, attemptTimeoutMs = 30_000, giveUpAfterMs = 300_000, fetch: transport = fetch } = options;
  const pauses: Pauses = { firstMs: 100, longestMs: 20_000, random: Math.random, ...options.pauses };
  const problems = [];
  if (!URL.canParse(baseUrl)) problems.push(`baseUrl must be an absolute URL, got '${baseUrl}'`);
  else if (/[?#]/.test(baseUrl))
    problems.push('baseUrl must have no query and no fragment: paths are appended to it');
  for (const [name, value] of Object.entries({ attemptTimeoutMs, giveUpAfterMs }))
    if (!(value > 0)) problems.push(`${name} must be above 0, got ${value}`);
  if (problems.length > 0) throw new InvalidSettings(problems);

  /** One attempt: its answer, or why it has settled nothing. */
  const attempt = async (request: Request): Promise<Attempt> => {
    try {
      const asked = transport(request).then(async (response) => ({ response, text: await response.text() }));
      // A `fetch` of somebody's own may not heed the signal.
      return await unlessAborted(asked, request.signal, () => request.signal.reason as Error);
    } catch (cause) {
      const failure = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      return { failure, cause, sent: sentBy(cause) };
    }
  };

  return {
    async send<Answer>(request: IdempotentRequest<Answer>) {
      const { signal } = request;
      const made = requestMaker(options, request);
      const giveUpAt = steadyNow() + giveUpAfterMs;
      let sent: Sent = 'not';
      for (let attempts = 1; ; attempts += 1) {
        signal?.throwIfAborted();
        const about = { ...made.about, attempts };
        const timeout = AbortSignal.timeout(timerMs(attemptTimeoutMs));
        const came = await attempt(
          made.request(signal === undefined ? timeout : AbortSignal.any([timeout, signal])),
        );
        if ('response' in came && !mayRetry(came.response)) return answered(request, { about, ...came });
        signal?.throwIfAborted();
        const { failure, cause, wanted } =
          'response' in came ? unsettled(came.response) : { ...came, wanted: 0 };
        if ('response' in came || came.sent === 'perhaps') sent = 'perhaps';
        else if (came.sent === 'never' && sent !== 'perhaps') throw notSent(cause, failure);
        const pause = pauseMs(attempts, wanted, pauses);
        const givenUp = () =>
          sent === 'perhaps' ? new OutcomeUnconfirmed(about, failure, { cause }) : notSent(cause, failure);
        if (steadyNow() + pause >= giveUpAt || ('sent' in came && came.sent === 'never')) throw givenUp();
        options.onRetry?.({ key: about.key, attempts, failure });
        await sleep(pause, signal);
        // A process that was frozen in its pause, for the night or until the next invocation, may wake up when the
        // API has forgotten the key: asked again, it would do it again.
        if (steadyNow() >= giveUpAt) throw givenUp();
      }
    },
  };
}

type Attempt =
  | { readonly response: Response; readonly text: string }
  | { readonly failure: string; readonly cause: unknown; readonly sent: Sent };

function unsettled({ status, headers }: Response): { failure: string; cause?: undefined; wanted: number } {
  // A date is of the server's clock, which says in the same answer what it shows now.
  const shown = Date.parse(headers.get('date') ?? '');
  const now = Number.isNaN(shown) ? Date.now() : shown;
  return { failure: `status ${status}`, wanted: retryAfterMs(headers.get('retry-after'), now) };
}

function notSent(cause: unknown, failure: string): RequestNotSent {
  return cause instanceof RequestNotSent ? cause : new RequestNotSent(failure, { cause });
}

/** The answer after which nothing else can come. */
async function answered<Answer>(
  request: IdempotentRequest<Answer>,
  settling: Settling,
): Promise<IdempotentAnswer<Answer>> {
  const { about, response } = settling;
  // The API says that asking again is of no use, and not what was done: nobody has looked yet.
  if (
    response.status >= 500 &&
    !isReplay(response.headers) &&
    response.status !== 501 &&
    response.status !== 505
  )
    throw new OutcomeUnconfirmed(about, `status ${response.status}, which asking again does not change`);
  return answerOf(request, settling);
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
