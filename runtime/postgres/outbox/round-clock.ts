import { steadyNow } from '../../dedup/steady-now.js';
import type { SendClock } from '../../send/send-lanes.js';

/** Longest call to a target: the transaction holds its lanes meanwhile. */
const mostCallMs = 5_000;
/** Kept for the marks. */
const reserveMs = 1_000;

/** The time of one round, which has to end at a given moment. */
export class RoundClock implements SendClock {
  readonly givenMs: number;
  /** By `steadyNow`. */
  readonly #end: number;

  /** @param end epoch milliseconds */
  constructor(end: number) {
    this.givenMs = Math.max(0, end - Date.now());
    this.#end = steadyNow() + this.givenMs;
  }

  mayBegin(): boolean {
    return this.leftMs() > Math.min(reserveMs, this.givenMs / 4);
  }

  callMs(): number {
    return Math.max(50, Math.min(mostCallMs, this.leftMs()));
  }

  leftMs(): number {
    return Math.max(0, this.#end - steadyNow());
  }
}

/** What loops wait in: all of them wake together, and end together. */
export class Pause {
  readonly #waiting = new Set<() => void>();
  readonly #stops: (() => void)[] = [];
  #stopped = false;
  #wakes = 0;
  readonly #ms: number;

  /** @param outer one whose end is the end of this one, too. @default - none */
  constructor(ms: number, outer?: Pause) {
    this.#ms = ms;
    if (outer !== undefined) outer.#stops.push(() => this.stop());
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** How often they were woken. */
  get wakes(): number {
    return this.#wakes;
  }

  wake(): void {
    this.#wakes += 1;
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  stop(): void {
    this.#stopped = true;
    this.wake();
    for (const stop of this.#stops) stop();
  }

  /**
   * Waits for the end of the pause.
   *
   * @param seen wake-ups before the loop looked for work. One that came while it looked ends the pause at once:
   *   what it was for may have come too late to be found.
   */
  async over(seen = this.#wakes): Promise<void> {
    if (this.#stopped || this.#wakes !== seen) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(go, this.#ms);
      const waiting = this.#waiting;
      function go(): void {
        clearTimeout(timer);
        waiting.delete(go);
        resolve();
      }
      waiting.add(go);
    });
  }
}
