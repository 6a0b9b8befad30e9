import { Annotations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** What the declared peak of a channel asks for, with its arithmetic. */
export interface PeakNeed {
  /** What is counted, such as `invocations at a time`. */
  readonly what: string;
  readonly needed: number;
  /** What `needed` is made of. */
  readonly how: string;
  /** What there is. */
  readonly has: string;
  /** Undefined: it hangs on what only the deployment, or the producers, know. */
  readonly enough?: boolean;
}

/** @param calls a second, of which each partition of whatever it is takes so many */
export function partitionsFor(calls: number, each: number): number {
  return Math.max(1, Math.ceil(calls / each));
}

/** Not an error: a queue holds what is not consumed at the peak, for as long as its retention. */
export function warnUnlessEnough(scope: IConstruct, needs: readonly PeakNeed[]): void {
  const missing = needs.filter(({ enough }) => enough === false);
  if (missing.length === 0) return;
  Annotations.of(scope).addWarningV2(
    'exactly-once-aws:peakIsNotHeld',
    `at the declared peak messages wait: ${missing.map(({ what, needed, how, has }) => `${needed.toLocaleString('en-US')} ${what} are needed (${how}), there is ${has}`).join('; ')}`,
  );
}
