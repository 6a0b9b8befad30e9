import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until it is so: the test's own time-out is its end.
 *
 * @param failure tells why it will never be so. Thrown
 */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  failure: () => Error | undefined,
): Promise<void> {
  while (!(await isSo())) {
    const error = failure();
    if (error !== undefined) throw error;
    await sleep(50);
  }
}
