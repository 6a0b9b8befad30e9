import type { Duration } from 'aws-cdk-lib';
import type { Architecture, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { MessageChannel } from '../channel/message-channel.js';
import type { DedupTable } from '../dedup/dedup-table.js';

export interface IdempotentConsumerProps {
  /**
   * Who processes: every receipt belongs to this name. 1 to 64 of `A-Z a-z 0-9 _ . -`, never a token.
   *
   * Choose it once. Under another name the consumer knows none of its receipts and processes redelivered messages again; so never
   * a function name or a logical id, which change with the code (R1).
   */
  readonly consumerName: string;

  /** Where the messages come from. One consumer per channel: a second one would take messages away from the first. */
  readonly channel: MessageChannel;

  /** Where the receipts are kept: in the account and Region of the tables that the handler writes. */
  readonly dedupTable: DedupTable;

  /**
   * Absolute path of the file that exports `handler`, to build the function from. Either this or `handler`.
   *
   * @default - none, `handler` is given
   */
  readonly entry?: string;

  /**
   * An existing function to use. Its timeout, memory and so on are its own; environment variables and permissions are added to
   * it. Either this or `entry`.
   *
   * @default - a HandlerFunction is built from `entry`
   */
  readonly handler?: LambdaFunction;

  /**
   * Longest run for one batch.
   *
   * @default - `consumerTimeout` of the channel
   */
  readonly timeout?: Duration;

  /**
   * Memory in MB.
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
   * How long logs are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;

  /**
   * More environment variables. Names that begin with `EXACTLY_ONCE_` are the construct's.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

  /**
   * Most messages in one invocation, 1 to 10.
   *
   * @default 10
   */
  readonly batchSize?: number;

  /**
   * Standard channels only: how long Lambda waits for a batch to fill, up to 5 minutes. The visibility timeout of the channel must
   * cover it.
   *
   * @default - Lambda does not wait
   */
  readonly maxBatchingWindow?: Duration;

  /**
   * Most invocations at a time, 2 to 1,000. Set on the mapping, never as reserved concurrency: throttled polls count as receives
   * (R25).
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
   * @default - no limit but the account's
   */
  readonly maxConcurrency?: number;

  /**
   * Whether Lambda polls the queue. Off: messages wait, and expire after the retention of the channel.
   *
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * How long a producer may send one message again after its first try, as a new message with the same key.
   *
   * @default Duration.days(14)
   */
  readonly producerRetryHorizon?: Duration;

  /**
   * How often one message may be sent back from the dead-letter queue.
   *
   * @default 3
   */
  readonly maxRedrives?: number;

  /**
   * How long receipts are kept.
   *
   * @default - the horizon: producerRetryHorizon + (1 + maxRedrives) x (retention + deadLetterRetention of the channel)
   */
  readonly receiptRetention?: Duration;
}
