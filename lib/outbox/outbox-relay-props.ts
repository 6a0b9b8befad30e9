import type { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { BaseFunctionOptions } from '../consumer/handler-function-options.js';
import type { OutboxTable } from './outbox-table.js';
import type { RelayTarget } from './relay-target.js';

export interface OutboxRelayProps extends BaseFunctionOptions {
  /**
   * The outbox whose events are sent. One relay per outbox: the mark of a sent event says that all targets have it.
   */
  readonly outbox: OutboxTable;

  /** Where events are sent. One that is down holds up nobody but itself. */
  readonly targets: RelayTarget[];

  /**
   * Absolute path of the file that exports `handler`, made with `outboxRelay(relaySettings(process.env))` of
   * `exactly-once-aws/outbox`.
   */
  readonly entry: string;

  /**
   * How long an event is left to the stream before the sweep sends it, which looks for it when the stream has been
   * silent for five times as long, and once a day.
   *
   * @default Duration.minutes(1)
   */
  readonly grace?: Duration;

  /**
   * How often the sweep works off what is stuck. Whole minutes.
   *
   * @default Duration.minutes(1)
   */
  readonly sweepInterval?: Duration;

  /**
   * Events per invocation, 1 to 1,000.
   *
   * @default 100
   */
  readonly batchSize?: number;

  /**
   * How often a batch is tried again whose events could neither be sent, nor marked, nor listed as stuck. Given up,
   * they are sent before the next event of their stream, or by the daily scan: nothing is lost, and no event goes
   * first.
   *
   * @default 10
   */
  readonly retryAttempts?: number;

  /**
   * Age at which an event that the stream has not got through is left to the sweep. DynamoDB keeps a stream for 24
   * hours.
   *
   * @default Duration.hours(12)
   */
  readonly maxRecordAge?: Duration;

  /**
   * Where batches are kept that were given up, with their content. For a look at what was wrong: the sweep does not
   * need them.
   *
   * @default - a bucket of the relay's own, objects kept for 30 days
   */
  readonly discarded?: IBucket;

  /**
   * Age of the oldest unsent event, or of the stream's oldest unread record, or time that the stream has been silent
   * or a stream of events stuck, above which an alarm goes off.
   *
   * @default Duration.minutes(10)
   */
  readonly alarmAfter?: Duration;

  /**
   * Longest run of one invocation.
   *
   * @default Duration.seconds(30)
   */
  readonly timeout?: Duration;

  /**
   * Memory of the function in MB.
   *
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * Processor of the function.
   *
   * @default Architecture.ARM_64
   */
  readonly architecture?: Architecture;

  /**
   * How long the function's logs are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;

  /**
   * Key of yours for the function's logs and for the bucket of batches that were given up, where the relay makes it.
   * The events are encrypted with the key of the `OutboxTable`.
   *
   * Its policy must let CloudWatch Logs use it; that of a `Key` of the same app is given the statement.
   *
   * @default - keys of AWS
   */
  readonly encryptionKey?: IKey;

  /**
   * Whether Lambda polls the stream. Off: the sweep alone sends, and reads the whole table for it each time.
   *
   * @default true
   */
  readonly enabled?: boolean;
}
