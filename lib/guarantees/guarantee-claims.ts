import type { Cost } from './cost.js';
import type { Inequality } from './inequality.js';
import type { PeakNeed } from './peak-need.js';
import type { Unproven } from './unproven.js';

/** How one kind of message acts once: a row of the table at the top of GUARANTEES.md. */
export interface PathClaim {
  /** By what a copy is recognised, such as `key, receipt kept 86 days`. */
  readonly identity: string;
  /** What is committed with what. */
  readonly way: string;
  /** What would break it, the likeliest first. */
  readonly brokenBy: readonly string[];
}

/** What is paid each month when nothing arrives. */
export interface IdleCost {
  readonly part: string;
  /** With the arithmetic. */
  readonly how: string;
  /** US dollars a month. */
  readonly dollars: number;
}

/** What is claimed of one construct. Plain data without tokens: a prover and the report read the same. */
export interface ConstructClaims {
  /** Path of the construct in the app. */
  readonly path: string;
  readonly constructClass: string;
  readonly claim?: PathClaim;
  /** Checked at this synth, each with its values. One that does not hold has failed it. */
  readonly holds: readonly Inequality[];
  readonly unproven: readonly Unproven[];
  /** Absent when a value of it is known only at deployment. */
  readonly cost?: Cost;
  readonly idle: readonly IdleCost[];
  /** What the declared peak asks for. Empty where none is declared. */
  readonly peak: readonly PeakNeed[];
  /** Sentences that follow from the settings. */
  readonly notes: readonly string[];
}

/** Everything that an app claims, ordered by path. */
export interface GuaranteeClaims {
  readonly constructs: readonly ConstructClaims[];
  /** What the app as a whole pays when nothing arrives, beside what its constructs say. */
  readonly idle: readonly IdleCost[];
  /** What no construct gives, in sentences. */
  readonly notGuaranteed: readonly string[];
}
