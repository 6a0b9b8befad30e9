import { DependencyFailed } from '../dedup/errors.js';
import { unlessAborted } from '../dedup/unless-aborted.js';

const withinMs = 5_000;

/**
 * Requests wait for one reading together, and what came of it is kept: one that never ends must not be theirs for as
 * long as it would be kept.
 *
 * @throws DependencyFailed after 5 seconds: the sender is to come again.
 */
export async function inTime<T>(reading: Promise<T>): Promise<T> {
  const late = () => new DependencyFailed(`no answer within ${withinMs} ms`);
  return unlessAborted(reading, AbortSignal.timeout(withinMs), late);
}
