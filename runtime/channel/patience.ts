import type { SendClock } from '../send/send-lanes.js';
import { steadyNow } from '../dedup/steady-now.js';

/** Longest time that one call may take, and the least, so that an answer has a chance at the end. */
const call = { mostMs: 5_000, leastMs: 1_000 };

/** The time of one call of `send`. */
export class Patience implements SendClock {
  readonly signal: AbortSignal;
  readonly #ends: number;

  constructor(readonly givenMs: number) {
    this.#ends = steadyNow() + givenMs;
    this.signal = AbortSignal.timeout(Math.max(1, givenMs) + call.leastMs);
  }

  mayBegin(): boolean {
    return this.leftMs() > 0;
  }

  callMs(): number {
    return Math.min(call.mostMs, Math.max(call.leastMs, this.leftMs()));
  }

  leftMs(): number {
    return Math.max(0, this.#ends - steadyNow());
  }
}
