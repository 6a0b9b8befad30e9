import type { Duration } from 'aws-cdk-lib';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { RelayTarget } from '../outbox/relay-target.js';

/** What every relay of an outbox in Postgres is told. */
export interface PostgresOutboxProps {
  /** Names the outbox in metrics and alarms. */
  readonly outboxName: string;

  /** Where events are sent. */
  readonly targets: RelayTarget[];

  /**
   * Secret of the role that the relay connects as; it may read it, and is told its ARN in
   * `EXACTLY_ONCE_DATABASE_SECRET`.
   *
   * @default - none: IAM authentication, or an environment of your own
   */
  readonly secret?: ISecret;

  /**
   * How long sent events are kept, in whole days. Consumers must keep receipts for at least as long (R36).
   *
   * @default Duration.days(7)
   */
  readonly retention?: Duration;
}
