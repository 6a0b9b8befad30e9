import { setTimeout as sleep } from 'node:timers/promises';

/** Lets so many through per second, evenly. */
export class Pacer {
  #next = 0;

  readonly #perSecond: number;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  async turn(): Promise<void> {
    const at = Math.max(Date.now(), this.#next);
    this.#next = at + 1_000 / this.#perSecond;
    await sleep(Math.max(0, at - Date.now()));
  }
}
