import { CommitFailed, EffectBlocked, LeaseLost, OutcomeUnknown, Waiting } from '../dedup/errors.js';
import type { Problems } from '../http/problem.js';
import type { RenderedResponse } from '../http/response.js';

/**
 * How much longer than a key its effects are remembered, in seconds: a blocked one waits for a person, who may be
 * away when the window ends. Until then no request with the key makes the effect again.
 */
export const effectsOutliveSeconds = 30 * 24 * 3600;

/**
 * The answer to what `tx.once` has thrown; undefined for all else. None of them is saved: the same request may come
 * again, and has to for its effect to be recovered.
 */
export function leaseAnswer(error: unknown, problem: Problems): RenderedResponse | undefined {
  if (error instanceof Waiting)
    return problem('key-in-use', { detail: inUse, headers: retryAfter(error.retryAt - Date.now()) });
  // Whoever has taken the lease over is at work.
  if (error instanceof LeaseLost) return problem('key-in-use', { detail: inUse, headers: retryAfter() });
  if (error instanceof EffectBlocked)
    // The lease's id holds a hash of the key, not the key.
    return problem('effect-blocked', {
      detail:
        'nobody knows whether an effect of this request happened, and it is not made again by itself; an operator finds out, says so with ' +
        `npx exactly-once-aws unlock '${error.leaseId}' --row, and the same request is sent again with the same Idempotency-Key`,
    });
  if (error instanceof OutcomeUnknown || error instanceof CommitFailed)
    return problem('not-confirmed', { detail: unconfirmed, headers: retryAfter() });
  return undefined;
}

/** Retry-After in whole seconds, not before the time is over and at least 1. */
export function retryAfter(ms = 0): Readonly<Record<string, string>> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}

export const inUse =
  'send the same request again, with the same Idempotency-Key, after the time in Retry-After';
export const unconfirmed =
  'whether it was done is not known; send the same request again, with the same Idempotency-Key, after the time in Retry-After';
