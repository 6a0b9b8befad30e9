import type { Once } from '../dedup/effect.js';
import type { ConditionFailed } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Unit } from './pack.js';
import type { ReceiptDraft } from './receipt.js';
import type { Transaction } from './transaction.js';

/** What is to be done exactly once, for one message. */
export interface Work {
  /** Its receipt, but for the result, which is what `handle` returns. */
  readonly receipt: Omit<ReceiptDraft, 'result'>;
  readonly lane: string;
  /** Fills the transaction. It may run more than once, so it must have no effect outside of it. */
  readonly handle: (tx: Transaction) => unknown;
  /**
   * Fills another transaction, to be committed instead of the one whose condition failed. @default - the message
   * comes again
   */
  readonly onConditionFailed?: (failed: ConditionFailed, tx: Transaction) => unknown;
  /** What `tx.once` makes effects with. @default - `tx.once` throws */
  readonly once?: Once;
}

/** A message whose handler may have to run again before it can be committed. */
export interface Running {
  readonly work: Work;
  /** How often the handler has run. */
  readonly runs: number;
  /** Whether its last run answered a failed condition. */
  readonly answered: boolean;
  /** Of its runs. */
  readonly slowestMs: number;
  /** What the last run has filled. */
  readonly unit: Unit;
  /** Throws as the handler does. */
  run(limits: Limits, failed?: ConditionFailed): Promise<void>;
}
