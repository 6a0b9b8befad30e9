import type { Outcome } from '../dedup/outcome.js';
import type { Attributes } from './attribute-value.js';
import type { Role } from './decisions.js';
import type { Owner, Unit } from './pack.js';
import type { Write } from './write.js';

/**
 * What became of one unit. `outdated`: nothing was written, because what its handler read has changed; it has to run
 * again (R13).
 */
export type UnitOutcome =
  | Outcome
  | {
      readonly kind: 'outdated';
      /** By a message of the same commit, and so by nobody who might do it again. */
      readonly own: boolean;
    };

/** What a cancelled attempt says of one unit, and the receipt that says it. */
export interface Finding {
  readonly outcome: UnitOutcome;
  readonly row?: Attributes;
}

export type AttemptResult =
  | { readonly kind: 'committed' }
  /** Nothing was written. */
  | { readonly kind: 'cancelled'; readonly findings: ReadonlyMap<Unit, Finding> }
  /**
   * Nothing was written: another commit has published for one of the aggregates. The next attempt asks for the
   * version to go on from.
   */
  | { readonly kind: 'overtaken' }
  /** One write that several units share was refused: only alone do they show which one is at fault. */
  | { readonly kind: 'split' };

/** What came of one call: a result, or what it threw. */
export type Sent = { readonly result: AttemptResult } | { readonly cause: unknown };

/** One action of a transaction, what it is for and whose it is. */
export interface Action {
  readonly role: Role;
  readonly write: Write;
  readonly owners: readonly Owner[];
}
