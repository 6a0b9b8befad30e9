import type { TargetKind } from './kind.js';

/** A test of the stack suite that a target cannot hold, by the test's exact name. */
export interface CannotHold {
  readonly test: string;
  readonly targets: readonly TargetKind[];
  /** Completes "cannot hold this: ...". */
  readonly reason: string;
}

/** The one place that says what each target cannot hold. Everything else runs everywhere. */
export const cannotHoldTable: readonly CannotHold[] = [
  {
    test: 'a request signed with keys that nobody was given is refused',
    targets: ['embedded', 'ministack', 'localstack'],
    reason: 'the emulator does not check signatures',
  },
  {
    test: 'a request without a signature is refused',
    targets: ['localstack'],
    reason: 'it does not enforce IAM',
  },
  {
    test: 'a queue is deleted and made again under its name, the receipts stay: nothing is lost',
    targets: ['aws'],
    reason:
      'SQS gives a name free 60 s after the deletion, and what Lambda does with the mapping meanwhile is not documented',
  },
  {
    test: 'messages 256 apart, one number for JavaScript, reach the handler as two texts',
    targets: ['aws', 'localstack'],
    reason: 'the target gives numbers of 20 digits itself, and leaves other gaps',
  },
  {
    test: 'every settled payment has one mail, also when its event comes again or the provider does not answer',
    targets: ['ministack', 'localstack', 'endpoint', 'aws'],
    reason:
      'its functions may run elsewhere or in a container, where the mail provider of this test is not reachable',
  },
  {
    test: 'an event of the payment provider that is delivered three times, and another about the same refund, refund once',
    targets: ['localstack'],
    reason: 'it has no HTTP API',
  },
  {
    test: 'a payment whose function is killed in its transaction, and whose event comes twice more, is posted to Postgres once',
    targets: ['ministack', 'localstack', 'endpoint', 'aws'],
    reason:
      'its functions may run elsewhere or in a container, where Postgres is not reachable and no process can be killed',
  },
  {
    test: 'a subscriber is told of each payment, signed and under one id, also when its first answer is lost: it acts once',
    targets: ['ministack', 'localstack', 'endpoint', 'aws'],
    reason:
      'its functions may run elsewhere or in a container, where the subscriber of this test is not reachable',
  },
];

/** Why the target cannot hold the test; undefined when it can. */
export function cannotHold(target: TargetKind, test: string): string | undefined {
  return cannotHoldTable.find((entry) => entry.test === test && entry.targets.includes(target))?.reason;
}
