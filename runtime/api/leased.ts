import { CommitFailed, EffectBlocked, LeaseLost, OutcomeUnknown, Waiting } from '../dedup/errors.js';
import type { Problems } from '../http/problem.js';
import type { RenderedResponse } from '../http/response.js';
import { inUse, retryAfter, unconfirmed } from './settled.js';

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
        `${error.unlocking} '${error.leaseId}' --row, and the same request is sent again with the same Idempotency-Key`,
    });
  if (error instanceof OutcomeUnknown || error instanceof CommitFailed)
    return problem('not-confirmed', { detail: unconfirmed, headers: retryAfter() });
  return undefined;
}
