import { AsyncLocalStorage } from 'node:async_hooks';
import { armCrashPoints, type CrashPoint } from '../dedup/crash-points.js';
import { TestingError } from './deliver.js';

/** What is to die, and where. */
interface Doomed {
  readonly point: CrashPoint;
  readonly die: () => void;
  isDead: boolean;
}

const doomed = new AsyncLocalStorage<Doomed>();

/**
 * Runs `work` until it reaches a crash point and leaves it there for ever, as a killed process does: what was sent is
 * sent, what was not will never be, also of what the work does side by side, such as the items of other aggregates:
 * each of these goes no further than its next crash point. Deliver the same records again afterwards and look at your
 * effects.
 *
 * One at a time. Timers and sockets of the abandoned work live on.
 *
 * @throws TestingError when `work` ended without reaching the point: a test that would prove nothing.
 */
export async function crashAt(point: CrashPoint, work: () => Promise<unknown>): Promise<void> {
  // It stays armed: whatever of the dead work still moves has to meet it. Any other work passes.
  armCrashPoints(holdDead);
  const { promise: reached, resolve } = Promise.withResolvers<'reached'>();
  const one: Doomed = { point, die: () => resolve('reached'), isDead: false };
  const ended = doomed.run(one, work).then(() => 'ended' as const);
  if ((await Promise.race([reached, ended])) === 'ended')
    throw new TestingError(`the work ended without reaching the crash point '${point}'`);
}

function holdDead(passed: CrashPoint): Promise<never> | undefined {
  const one = doomed.getStore();
  if (one === undefined || (!one.isDead && passed !== one.point)) return undefined;
  one.isDead = true;
  one.die();
  return new Promise<never>(() => undefined);
}
