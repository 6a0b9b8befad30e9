import { Waiting } from '../dedup/errors.js';
import type { Arrival } from './arrival.js';
import { attemptsOf } from './failures.js';

const baseSeconds = 2;
const factor = 4;
const capSeconds = 15 * 60;
/** SQS: 12 hours from the receive, of which a batch may have used up to 15 minutes. */
const maxSeconds = 11.5 * 3600;

/**
 * Seconds after which a message comes again: exponential in its failures (2, 8, 32, 128, 512 s at most, then 15
 * minutes) with full jitter; at once when only time was short, but never so twice in a row (R22).
 */
export function delaySeconds({ outcome, isCounted, history, delivery }: Arrival<unknown>): number {
  const error = outcome?.kind === 'retry' ? outcome.error : undefined;
  if (error instanceof Waiting)
    return Math.ceil(Math.min(maxSeconds, Math.max(0, (error.retryAt - Date.now()) / 1000)));
  const jittered = (n: number) => Math.random() * Math.min(capSeconds, baseSeconds * factor ** (n - 1));
  if (error !== undefined)
    return Math.floor(jittered(isCounted ? attemptsOf(history) : (delivery.deliveries ?? 1)));
  return history.excused === 0 ? 0 : Math.ceil(jittered(1));
}
