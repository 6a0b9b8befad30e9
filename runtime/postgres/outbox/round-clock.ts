import type { SendClock } from '../../send/send-lanes.js';

/** Longest call to a target: the transaction holds its lanes meanwhile. */
const mostCallMs = 5_000;
/** Kept for the marks. */
const reserveMs = 1_000;

/** The time of one round, which has to end at a given moment. */
export class RoundClock implements SendClock {
  readonly givenMs: number;
  readonly #end: number;

  /** @param end epoch milliseconds */
  constructor(end: number) {
    this.#end = end;
    this.givenMs = Math.max(0, end - Date.now());
  }

  mayBegin(): boolean {
    return this.leftMs() > Math.min(reserveMs, this.givenMs / 4);
  }

  callMs(): number {
    return Math.max(50, Math.min(mostCallMs, this.leftMs()));
  }

  leftMs(): number {
    return Math.max(0, this.#end - Date.now());
  }
}

/** What loops wait in: all of them wake together, and end together. */
export class Pause {
  readonly #waiting = new Set<() => void>();
  readonly #stops: (() => void)[] = [];
  #stopped = false;
  /** A wake-up that nobody waited for counts for the next pause. */
  #woken = false;
  readonly #ms: number;

  /** @param outer one whose end is the end of this one, too. @default - none */
  constructor(ms: number, outer?: Pause) {
    this.#ms = ms;
    if (outer !== undefined) outer.#stops.push(() => this.stop());
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  wake(): void {
    this.#woken = this.#waiting.size === 0;
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  stop(): void {
    this.#stopped = true;
    this.wake();
    for (const stop of this.#stops) stop();
  }

  async over(): Promise<void> {
    if (this.#stopped || this.#woken) {
      this.#woken = false;
      return;
    }
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
