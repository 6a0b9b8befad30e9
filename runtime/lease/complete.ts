import { backoff } from '../dedup/backoff.js';
import { CommitFailed, UnserialisableValue } from '../dedup/errors.js';
import type { Lease, LeaseStore } from '../dedup/lease-store.js';

const maxTries = 5;

/**
 * Writes down an outcome that is known, and tries harder than usual: if this fails the effect has happened and nobody
 * knows.
 *
 * @param onLostResult called when DynamoDB cannot hold the result: the completion is then written without it.
 * @returns false when the lease is not the caller's any more.
 * @throws CommitFailed when DynamoDB could not be reached within a second or so; the outcome is then unknown.
 */
export async function completeSurely(
  store: LeaseStore,
  lease: Lease,
  result: unknown,
  onLostResult: (error: UnserialisableValue) => void,
): Promise<boolean> {
  let value = result;
  for (let tries = 1; ; tries += 1)
    try {
      return await store.complete(lease, value);
    } catch (error) {
      if (error instanceof UnserialisableValue) {
        onLostResult(error);
        value = undefined;
      } else if (error instanceof CommitFailed && isTooLarge(error)) {
        onLostResult(new UnserialisableValue('result', 'with the lease it is over 400 KB', { cause: error }));
        value = undefined;
      } else if (!(error instanceof CommitFailed) || tries >= maxTries) throw error;
      await backoff(tries, Number.POSITIVE_INFINITY);
    }
}

/** DynamoDB has no error of its own for an item over 400 KB. */
function isTooLarge({ cause }: CommitFailed): boolean {
  return cause instanceof Error && cause.name === 'ValidationException' && /size/i.test(cause.message);
}
