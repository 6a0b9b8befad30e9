import { Duration } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { durationText } from '../guarantees/duration-text.js';
import { expectKinds } from '../guarantees/expect-kinds.js';
import { isKnown } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import { nameViolations } from '../guarantees/stable-name.js';
import {
  targetKinds,
  targetsElsewhere,
  targetsText,
  targetViolations,
  type RelayTarget,
  type RelayTargetConfig,
} from '../outbox/relay-target.js';
import type { PostgresOutboxProps } from './postgres-outbox-props.js';

/** What all kinds of relay are given of the outbox. */
export interface RelayOfOutbox {
  readonly outboxName: string;
  readonly targets: readonly RelayTarget[];
  readonly secret?: ISecret;
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

/** What the props of a relay say of the outbox. */
export function outboxOf({
  outboxName,
  targets,
  secret,
  retention = Duration.days(7),
}: PostgresOutboxProps): RelayOfOutbox {
  return { outboxName, targets, secret, retention };
}

export interface BoundRelay {
  /** As `postgresRelaySettings` of the runtime reads it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly targets: readonly RelayTargetConfig[];
}

/**
 * Lets a program send and read its secret, and says where.
 *
 * @throws InvalidProps for a target in another Region
 */
export function bindRelay(
  type: string,
  scope: Construct,
  grantee: IGrantable,
  { outboxName, targets, secret, retention }: RelayOfOutbox,
): BoundRelay {
  const bound = targets.map((target) => target.bind(grantee));
  const unreached = targetsElsewhere(scope, bound);
  if (unreached.length > 0) throw new InvalidProps(type, scope.node.path, unreached);
  secret?.grantRead(grantee);
  return {
    environment: {
      EXACTLY_ONCE_OUTBOX_NAME: outboxName,
      EXACTLY_ONCE_OUTBOX_RETENTION_DAYS: String(retention.toDays()),
      EXACTLY_ONCE_OUTBOX_TARGETS: targetsText(scope, bound),
      ...(secret !== undefined && { EXACTLY_ONCE_DATABASE_SECRET: secret.secretArn }),
    },
    targets: bound,
  };
}
