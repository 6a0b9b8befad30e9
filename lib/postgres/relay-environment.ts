import type { Duration } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { durationText } from '../guarantees/duration-text.js';
import { expectKinds } from '../guarantees/expect-kinds.js';
import { isKnown } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import { nameViolations } from '../guarantees/stable-name.js';
import { targetKinds, targetsText, targetViolations, type RelayTarget } from '../outbox/relay-target.js';

/** What both kinds of relay are given of the outbox. */
export interface RelayOfOutbox {
  readonly outboxName: string;
  readonly targets: readonly RelayTarget[];
  readonly retention: Duration;
}

/** @throws InvalidProps for a name that is none, no target, or a retention that is no whole number of days */
export function expectOutbox(
  type: string,
  scope: Construct,
  { outboxName, targets, retention }: RelayOfOutbox,
  more: readonly Violation[] = [],
): void {
  expectKinds(type, scope, targetKinds(targets));
  const violations = [
    ...nameViolations('outbox-name', 'outboxName', outboxName, 'its metrics and alarms are found by it'),
    ...more,
    ...targetViolations(targets),
  ];
  // Partitions are days.
  if (!isKnown(retention) || retention.toHours() < 24 || retention.toHours() % 24 !== 0)
    violations.push({
      id: 'outbox-retention',
      given: `retention is ${durationText(retention)}`,
      allowed: 'whole days, at least one',
      change: 'change `retention`; consumers must keep receipts for at least as long',
    });
  if (violations.length > 0) throw new InvalidProps(type, scope.node.path, violations);
}

/** Lets the program send, and says where. As `postgresRelaySettings` of the runtime reads it. */
export function relayEnvironment(
  scope: Construct,
  grantee: IGrantable,
  { outboxName, targets, retention }: RelayOfOutbox,
): Record<string, string> {
  const bound = targets.map((target) => target.bind(grantee));
  return {
    EXACTLY_ONCE_OUTBOX_NAME: outboxName,
    EXACTLY_ONCE_OUTBOX_RETENTION_DAYS: String(retention.toDays()),
    EXACTLY_ONCE_OUTBOX_TARGETS: targetsText(scope, bound),
  };
}
