import { backoff } from '../dedup/backoff.js';
import { CommitFailed, UnserialisableValue } from '../dedup/errors.js';
import type { Lease, LeaseStore } from '../dedup/lease-store.js';

const maxTries = 5;

/** Of a result with a getter or a `toJSON` that throws. What it says may be anybody's data (R59). */
const unreadable = new UnserialisableValue('$', 'reading it throws');

/**
 * Writes down an outcome that is known, and tries harder than usual: if this fails the effect has happened and nobody
 * knows. A result that cannot be stored is written down as lost, and listed.
 *
 * @returns whether the lease was still the caller's, and why the result is lost, if it is.
 * @throws CommitFailed when DynamoDB could not be reached within a second or so; the outcome is then unknown.
 */
export async function completeSurely(
  store: LeaseStore,
  lease: Lease,
  result: unknown,
  consumerName: string,
): Promise<{ readonly written: boolean; readonly lost?: UnserialisableValue }> {
  let lost: UnserialisableValue | undefined;
  for (let tries = 1; ; tries += 1)
    try {
      const written =
        lost === undefined
          ? await store.complete(lease, result)
          : await store.completeWithout(lease, consumerName, lost.message);
      return { written, lost };
    } catch (error) {
      if (!(error instanceof CommitFailed) && lost === undefined) {
        lost = error instanceof UnserialisableValue ? error : unreadable;
        continue;
      }
      if (!(error instanceof CommitFailed) || tries >= maxTries) throw error;
      await backoff(tries, Number.POSITIVE_INFINITY);
    }
}
