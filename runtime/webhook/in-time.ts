import { DependencyFailed } from '../dedup/errors.js';

const withinMs = 5_000;

/**
 * Requests wait for one reading together, and what came of it is kept: one that never ends must not be theirs for as
 * long as it would be kept.
 *
 * @throws DependencyFailed after 5 seconds: the sender is to come again.
 */
export async function inTime<T>(reading: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DependencyFailed(`no answer within ${withinMs} ms`)), withinMs);
  return Promise.race([reading, promise]).finally(() => clearTimeout(timer));
}
