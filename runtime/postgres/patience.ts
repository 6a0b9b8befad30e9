import { setMaxListeners } from 'node:events';
import { DependencyFailed } from '../dedup/error.js';
import type { Limits } from '../dedup/limits.js';
import { timerMs } from '../dedup/timer-ms.js';

/** Whether nothing new may begin. */
export function isOver({ deadline, signal }: Limits): boolean {
  return Date.now() >= deadline || signal?.aborted === true;
}

const unanswered = () => new DependencyFailed('Postgres has not answered by the deadline');

/**
 * Waits for several things, one after the other or within each other, until limits are over. One timer, or one
 * listener, for all of them: a transaction has half a dozen statements.
 */
export class Patience {
  readonly #waiting = new Set<() => void>();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #giveUp = () => {
    for (const giveUp of this.#waiting) giveUp();
  };

  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
    const { deadline, signal } = limits;
    // A batch has as many transactions at once as it has lanes, and each of them listens.
    if (signal !== undefined) {
      setMaxListeners(0, signal);
      signal.addEventListener('abort', this.#giveUp);
    } else if (Number.isFinite(deadline))
      this.#timer = setTimeout(this.#giveUp, timerMs(deadline - Date.now()));
  }

  /**
   * @throws what `late` makes, when the limits are over first. The work itself goes on, and its outcome is not known.
   */
  async for<T>(work: PromiseLike<T>, late: () => Error = unanswered): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(giveUp);
        reject(late());
      };
      this.#waiting.add(giveUp);
      const answered = () => this.#waiting.delete(giveUp);
      work.then(resolve, reject);
      work.then(answered, answered);
      if (isOver(this.#limits)) giveUp();
    });
  }

  /** Nobody waits any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#limits.signal?.removeEventListener('abort', this.#giveUp);
  }
}
