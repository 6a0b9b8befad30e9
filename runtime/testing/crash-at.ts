import { armCrashPoints, type CrashPoint } from '../dedup/crash-points.js';
import { TestingError } from './deliver.js';

/**
 * Runs `work` until it reaches a crash point and leaves it there for ever, as a killed process does: what was sent is
 * sent, what was not will never be. Deliver the same records again afterwards and look at your effects.
 *
 * One at a time: crash points belong to the whole process. Timers and sockets of the abandoned work live on.
 *
 * @throws TestingError when `work` ended without reaching the point: a test that would prove nothing.
 */
export async function crashAt(point: CrashPoint, work: () => Promise<unknown>): Promise<void> {
  const reached = new Promise<'reached'>((resolve) => {
    armCrashPoints((passed) => {
      if (passed !== point) return undefined;
      resolve('reached');
      return new Promise<never>(() => undefined);
    });
  });
  try {
    const ended = work().then(() => 'ended' as const);
    if ((await Promise.race([reached, ended])) === 'ended')
      throw new TestingError(`the work ended without reaching the crash point '${point}'`);
  } finally {
    armCrashPoints(undefined);
  }
}
