/** The part of an invocation's time that the smallest piece of work is given. */
const fixedPart = 1 / 6;

/**
 * How long the work of one invocation takes, to decide whether another record may still be started (R22). It is not
 * carried over: after one commit that took more than half of the timeout, the instance would hand back every later
 * batch untouched, for ever.
 */
export class Pace {
  #slowestMs = 0;
  readonly #totalMs: number;

  /** @param totalMs what the invocation has at its start */
  constructor(totalMs: number) {
    this.#totalMs = totalMs;
  }

  /** Runs `work` and remembers how long it took, also when it failed. */
  async measure<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - began);
    }
  }

  /** A record that is started and cut off by the timeout takes its whole batch along, so it had better wait. */
  mayStart(remainingMs: number): boolean {
    return remainingMs >= Math.max(2 * this.#slowestMs, fixedPart * this.#totalMs);
  }
}
