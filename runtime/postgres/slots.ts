import { DependencyFailed } from '../dedup/error.js';
import type { Limits } from '../dedup/limits.js';
import { Patience } from './patience.js';

/** Lets so many pieces of work go on at once, the others in the order in which they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  /** @throws DependencyFailed when none is free in time; the work has not begun. */
  async run<T>(limits: Limits, work: () => Promise<T>): Promise<T> {
    await this.#take(limits);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  async #take(limits: Limits): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const patience = new Patience(limits);
    const given = new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await patience.for(given, () => new DependencyFailed('no connection of the pool was free in time'));
    } catch (error) {
      // It may be given to who has gone.
      void given.then(() => this.#give());
      throw error;
    } finally {
      patience.end();
    }
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
