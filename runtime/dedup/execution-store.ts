import type { Once } from './effect.js';
import type { Limits } from './limits.js';
import type { Outcome } from './outcome.js';
import type { ConditionFailed } from './trouble-errors.js';
import type { Identified } from './way.js';

/** Work that somebody waits for, under a key: a request, or an event that a request has brought. */
export interface KeyedWork<Tx> extends Identified {
  /**
   * Fills the transaction. What it returns is kept in the receipt; what it throws ends the attempt. May run more than
   * once.
   */
  readonly handle: (tx: Tx) => Promise<unknown>;
  /**
   * Fills another transaction, where the store itself looks at conditions of writes. @default - nothing is committed
   */
  readonly onConditionFailed?: (failed: ConditionFailed, tx: Tx) => Promise<unknown>;
  /** What `tx.once` makes effects with. @default - it throws */
  readonly once?: Once;
}

/**
 * The port of a store for work that is answered, and whose answer is kept: APIs and receivers of webhooks.
 *
 * Guarantees: of all commits under one identity, whoever makes them, however often, and whether or not answers are
 * lost, the writes of at most one become durable while its receipt counts, and what `handle` returned with them. A
 * receipt counts until its time is over, and not a second longer: no copy renews it.
 */
export interface ExecutionStore<Tx> {
  /** What a receipt has room for: most bytes of an answer. */
  readonly answerBytes: number;
  /**
   * It takes the identity before it runs the work, which so runs for none that has a receipt. Otherwise the receipt
   * has to be asked for before an effect is made outside the transaction, and before a throw means anything (R45).
   */
  readonly takesFirst: boolean;
  /**
   * Runs the work and commits it, unless there is a receipt: then `duplicate` with what it keeps, or `rejected`
   * (KeyReused) for another fingerprint. `retry` is of the store: its error is a CommitFailed that says whether
   * anything is written, or nothing is known; without an error nothing was begun.
   *
   * @throws what `handle` has thrown, and what makes a transaction one that can never be committed: nothing is written
   *   then.
   */
  commit(work: KeyedWork<Tx>, limits: Limits): Promise<Outcome>;
  /**
   * What the receipt says, undefined when none counts. Sees every commit that has been answered.
   *
   * @throws DependencyFailed when it could not be read.
   */
  recall(of: Identified, limits: Limits): Promise<Outcome | undefined>;
}
