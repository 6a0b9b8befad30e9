import type { Meter } from './meter.js';

/** What one piece of work may use up. */
export interface Limits {
  /** Epoch milliseconds after which nothing new starts: no read, no pack, no attempt (R22). */
  readonly deadline: number;
  /**
   * Fires at the deadline: whatever is under way is given up, its outcome unknown. @default - a store makes one of
   * the deadline
   */
  readonly signal?: AbortSignal;
  readonly meter: Meter;
}
