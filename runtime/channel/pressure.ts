import { steadyNow } from '../dedup/steady-now.js';

/** When a sender leaves FIFO, and when it comes back. */
export interface PressureLimits {
  /** FIFO may throttle for so long: it is scaled down when nothing is sent, and needs minutes to warm up (H2). */
  readonly budgetMs: number;
  /** So long without throttling, and it counts as calm. */
  readonly calmMs: number;
  /** How often a call tries FIFO while messages go to Standard. It keeps FIFO warm, too. */
  readonly probeEveryMs: number;
}

/** Fewest probes in a row that were accepted before a sender comes back. */
const probesToReturn = 3;

/**
 * Whether FIFO holds what is sent, as one instance has found it. Throttled for the whole budget, with no calm in
 * between: what comes goes to Standard. Probes find out when it holds again: accepted ones for as long as a calm
 * takes.
 */
export class Pressure {
  /** Since when FIFO throttles, without a calm. */
  #since: number | undefined;
  #lastThrottled = -Infinity;
  #spilled = false;
  #lastProbe = -Infinity;
  #probes = 0;
  #calmSince = 0;
  readonly #limits: PressureLimits;
  readonly #now: () => number;

  constructor(limits: PressureLimits, now: () => number = steadyNow) {
    this.#limits = limits;
    this.#now = now;
  }

  get spills(): boolean {
    return this.#spilled;
  }

  /** How long FIFO has throttled. */
  get forMs(): number {
    return this.#since === undefined ? 0 : this.#now() - this.#since;
  }

  /** A call came back with throttled entries, or was throttled as a whole. */
  throttled(): void {
    const now = this.#now();
    if (now - this.#lastThrottled > this.#limits.calmMs) this.#since = now;
    this.#since ??= now;
    this.#lastThrottled = now;
    this.#probes = 0;
    if (now - this.#since >= this.#limits.budgetMs) this.#spilled = true;
  }

  /** A call was accepted whole. @returns whether the sender comes back to FIFO by it */
  accepted(): boolean {
    if (!this.#spilled) return false;
    const now = this.#now();
    if (this.#probes === 0) this.#calmSince = now;
    this.#probes += 1;
    if (this.#probes < probesToReturn || now - this.#calmSince < this.#limits.calmMs) return false;
    this.#spilled = false;
    this.#since = undefined;
    this.#probes = 0;
    return true;
  }

  /** Whether the next call is to try FIFO. */
  takesProbe(): boolean {
    if (!this.#spilled || this.#now() - this.#lastProbe < this.#limits.probeEveryMs) return false;
    this.#lastProbe = this.#now();
    return true;
  }
}
