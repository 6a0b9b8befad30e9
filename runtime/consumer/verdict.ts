import type { Fault } from '../dedup/errors.js';

/** What is known of a failure when it is judged. Its receipt has been looked for: there is none (R45). */
export interface Failure {
  readonly fault: Fault;
  /** No further try can succeed. */
  readonly final: boolean;
  /** Earlier messages of its lane are not committed: what it said is based on what may change (R47). */
  readonly ahead: boolean;
  /** Failures that are written down. */
  readonly failed: number;
  readonly maxFailures: number;
}

/**
 * - `not-yet`: no verdict; it is prepared again in its turn.
 * - `excuse`: it comes again, and nothing is counted.
 * - `count`: it comes again, with one more failure.
 * - `give-up`: a dead letter.
 */
export type Verdict = 'not-yet' | 'excuse' | 'count' | 'give-up';

/**
 * The decisions over a failure, by name, in their order: the first that says something decides. The mutation run
 * turns each of them.
 */
export const decisions = {
  /** Lanes ask this one by itself: what was said ahead of its turn is not even judged. */
  aheadIsNoVerdict: ({ ahead }: Pick<Failure, 'ahead'>): Verdict | undefined =>
    ahead ? 'not-yet' : undefined,
  dependencyIsExcused: ({ fault }: Failure): Verdict | undefined =>
    fault === 'dependency' ? 'excuse' : undefined,
  finalIsGivenUp: ({ final }: Failure): Verdict | undefined => (final ? 'give-up' : undefined),
  tooOftenIsGivenUp: ({ failed, maxFailures }: Failure): Verdict | undefined =>
    failed + 1 >= maxFailures ? 'give-up' : undefined,
};

export function verdictOf(failure: Failure): Verdict {
  for (const decide of Object.values(decisions)) {
    const verdict = decide(failure);
    if (verdict !== undefined) return verdict;
  }
  return 'count';
}
