import { NotAccepted, TargetTimedOut } from './errors.js';
import { isGone, isThrottling } from './refusal.js';
import { steadyNow } from '../dedup/steady-now.js';

/** How long a target is left out, doubled each time that it is found no better. */
const leftOut = { firstMs: 10_000, mostMs: 60_000 };
/** Calls in a row of which nothing was taken, for no fault of what was sent. */
const mostFailures = 3;

/**
 * Whether a target takes events at all, as this instance has found it. One that does not is left out, so that others
 * are not kept waiting (R31): for the rest of the run, and shortly after.
 */
export class TargetHealth {
  #failures = 0;
  #trips = 0;
  #outUntil = 0;
  #cause: unknown;

  /** Why it is left out now; undefined: it is not. */
  get leftOutFor(): { readonly cause: unknown } | undefined {
    return steadyNow() < this.#outUntil ? { cause: this.#cause } : undefined;
  }

  /** A sweep comes once a minute: it asks the target anew, with one failure that it may have. */
  askAgain(): void {
    if (this.leftOutFor === undefined) return;
    this.#outUntil = 0;
    this.#failures = mostFailures - 1;
  }

  took(): void {
    this.#failures = 0;
    this.#trips = 0;
  }

  /** A call failed as a whole. @param runEndsAt by {@link steadyNow} */
  failed(cause: unknown, runEndsAt: number): void {
    if (isFaultOfTheRequest(cause)) return;
    this.#failures += 1;
    if (cause instanceof TargetTimedOut || isGone(cause) || this.#failures >= mostFailures)
      this.leaveOut(cause, runEndsAt);
  }

  leaveOut(cause: unknown, runEndsAt: number): void {
    this.#cause = cause;
    const ms = Math.min(leftOut.mostMs, leftOut.firstMs * 2 ** this.#trips);
    this.#outUntil = Math.max(runEndsAt, steadyNow() + ms);
    this.#trips += 1;
    this.#failures = 0;
  }
}

/** What is wrong with what was sent, or with how much of it, says nothing of the target. */
function isFaultOfTheRequest(error: unknown): boolean {
  if (error instanceof NotAccepted) return true;
  const { $fault, $retryable } = Object(error) as { $fault?: string; $retryable?: object };
  return $retryable !== undefined || isThrottling(error) || ($fault === 'client' && !isGone(error));
}
