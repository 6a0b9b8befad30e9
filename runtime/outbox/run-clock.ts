import type { Limits } from '../dedup/limits.js';
import { Meter } from '../dedup/meter.js';

/** What Lambda's context tells of time. */
export interface RemainingTime {
  getRemainingTimeInMillis(): number;
}

/** Most time that is kept for the answer, and the share of a short run that is (R22). */
const reserve = { mostMs: 3_000, share: 0.2 };
/** Longest call to a target, and the share of a short run that one call may take. */
const call = { mostMs: 5_000, share: 0.25 };
const leastMs = 50;

/**
 * The time of one run of the relay. What is kept for the answer grows with what the run was given: a run of 5 seconds
 * works for 4 of them.
 */
export class RunClock {
  /** For calls to DynamoDB: they are given up shortly before the run ends. */
  readonly limits: Limits;
  readonly givenMs: number;
  readonly #reserveMs: number;
  readonly #context: RemainingTime;

  constructor(context: RemainingTime) {
    this.#context = context;
    this.givenMs = context.getRemainingTimeInMillis();
    this.#reserveMs = Math.min(reserve.mostMs, this.givenMs * reserve.share);
    const overMs = Math.max(leastMs, this.givenMs - this.#reserveMs / 4);
    // One timer for all calls of the run.
    const over = new AbortController();
    setTimeout(() => over.abort(), overMs).unref();
    this.limits = { deadline: Date.now() + overMs, signal: over.signal, meter: new Meter() };
  }

  /** Whether something new may begin: a send, a slice. What is kept is for marks, lists and the answer. */
  mayBegin(): boolean {
    return this.#workMs() > 0;
  }

  /** Whether the given share of the working time is used up. */
  isPast(share: number): boolean {
    return this.#workMs() < (this.givenMs - this.#reserveMs) * (1 - share);
  }

  /** Longest time that a call to a target may take if it begins now, in milliseconds. */
  callMs(): number {
    const most = Math.min(call.mostMs, this.givenMs * call.share);
    return Math.max(leastMs, Math.min(most, this.#workMs() + this.#reserveMs / 4));
  }

  /** Until the run ends, in milliseconds. */
  leftMs(): number {
    return Math.max(0, this.#context.getRemainingTimeInMillis());
  }

  #workMs(): number {
    return this.#context.getRemainingTimeInMillis() - this.#reserveMs;
  }
}
