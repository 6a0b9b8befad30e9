import type { Target } from '../targets/target.js';
import { NotDrainedError } from './drive-error.js';

const stuckMs = 300_000;

export interface StuckCheck {
  /** To be called for every invocation. */
  moved(): void;
  /** @throws NotDrainedError when nothing has moved for 300 s, counted from the first call on */
  check(): void;
}

/**
 * Tells a queue that is being drained from one that stands still. Of a target that polls by itself no invocation is
 * seen, so nothing is ever said to stand still there: Ctrl-C ends the wait.
 *
 * @param clock milliseconds of any origin
 */
export function stuckCheck(
  { polls }: Pick<Target, 'polls'>,
  clock: () => number = () => performance.now(),
): StuckCheck {
  let lastMove: number | undefined;
  return {
    moved: () => void (lastMove = clock()),
    check() {
      lastMove ??= clock();
      if (polls === 'runner' && clock() - lastMove > stuckMs)
        throw new NotDrainedError(
          `the queue is not empty but nothing was delivered for ${stuckMs / 1000} s: the target is stuck, start again`,
        );
    },
  };
}
