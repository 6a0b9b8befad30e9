import type { Duration } from 'aws-cdk-lib';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { HandlerFunctionResources } from '../consumer/handler-function.js';
import type { RelayTarget } from '../outbox/relay-target.js';

export interface PostgresRelayProps extends HandlerFunctionResources {
  /** Names the outbox in metrics and alarms. */
  readonly outboxName: string;

  /** Absolute path of the file whose `handler` is what `scheduledRelay` of the runtime made. */
  readonly entry: string;

  /** Where events are sent. */
  readonly targets: RelayTarget[];

  /**
   * Secret of the role that the function connects as; it may read it, and is told its ARN in
   * `EXACTLY_ONCE_DATABASE_SECRET`.
   *
   * @default - none: IAM authentication, or an environment of your own
   */
  readonly secret?: ISecret;

  /**
   * How often it runs, in whole minutes: how late an event is at most while nothing fails.
   *
   * @default Duration.minutes(1)
   */
  readonly interval?: Duration;

  /**
   * Longest run, at most 15 minutes. Two runs that overlap share the work.
   *
   * @default - the interval, and at least a minute
   */
  readonly timeout?: Duration;

  /**
   * How long sent events are kept, in whole days. Consumers must keep receipts for at least as long (R36).
   *
   * @default Duration.days(7)
   */
  readonly retention?: Duration;

  /**
   * Age of an unsent event from which on the alarm goes off.
   *
   * @default Duration.minutes(10)
   */
  readonly alarmAfter?: Duration;
}
