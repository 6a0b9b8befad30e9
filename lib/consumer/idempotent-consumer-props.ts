import type { Duration } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { Architecture, IFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IMessageChannel } from '../channel/channel-base.js';
import type { IDedupTable } from '../dedup/dedup-table-base.js';
import type { CommitWay } from './commit-way.js';
import type { HandlerFunctionOptions } from './handler-function-options.js';
import type { OnFailure } from './on-failure.js';

/** What a consumer is, wherever its messages come from. */
export interface ConsumerOptions extends HandlerFunctionOptions {
  /**
   * Who processes: every receipt belongs to this name. 1 to 64 of `A-Z a-z 0-9 _ . -`, never a token.
   *
   * Choose it once. Under another name the consumer knows none of its receipts and processes redelivered messages
   * again; so never a function name or a logical id, which change with the code (R1).
   */
  readonly consumerName: string;

  /**
   * Where the receipts are kept, and what is known of failures and stopped groups: in the account and Region of the
   * tables that the handler writes. Must be given where receipts are kept, which is in CommitWay.TRANSACTION.
   *
   * @default - none
   */
  readonly dedupTable?: IDedupTable;

  /**
   * How the handler commits. It decides what the construct asks for and what the cost is; the handler must be made
   * accordingly.
   *
   * @default CommitWay.TRANSACTION
   */
  readonly commitWay?: CommitWay;

  /**
   * CommitWay.INSERT and AGGREGATE: the table that the handler writes, whose rows are the proof. Its TTL is checked.
   * Permissions are yours to grant.
   *
   * @default - unknown, which GUARANTEES.md lists as unproven
   */
  readonly effectTable?: ITable;

  /**
   * CommitWay.TRANSACTION: the table of the row that the handler inserts for each message and that is its receipt, as
   * `receipt` of `sqsConsumer` says. No other receipt is written, which saves 2 write units a message. The row proves
   * what a receipt would, for as long as it is there: it must not be deleted within the horizon, and a TTL attribute
   * on this table fails the synth. The consumer may read it and insert into it; what else the handler does there is
   * yours to grant.
   *
   * @default - none, a receipt of its own is written to `dedupTable`
   */
  readonly receiptTable?: ITable;

  /**
   * Items that the handler writes for one message, on average and without the receipt: below 1 where messages of a
   * batch share an item. For the cost in GUARANTEES.md only.
   *
   * @default 1
   */
  readonly writesPerMessage?: number;

  /**
   * Longest run for one batch. With a `handler` that this app does not make: what it is set to.
   *
   * @default - `consumerTimeout` of the channel
   */
  readonly timeout?: Duration;

  /**
   * Memory in MB. With a `handler` that this app does not make: what it is set to.
   *
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * Processor of the function. With a `handler` that this app does not make: what it is set to.
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
   * Standard channels only: how long Lambda waits for a batch to fill, up to 5 minutes. The visibility timeout of the
   * channel must cover it.
   *
   * @default - Lambda does not wait
   */
  readonly maxBatchingWindow?: Duration;

  /**
   * Most invocations at a time, 2 to 1,000. Set on the mapping, never as reserved concurrency: throttled polls count
   * as receives (R25).
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
   * How often a message may fail by itself before it is dead-lettered, 1 to 999. It comes again after up to 2, 8, 32,
   * 128 and 512 seconds, then 15 minutes. With `dedupTable` its failures are counted apart from its receives, most of
   * which may be nobody's fault.
   *
   * @default 5
   */
  readonly maxFailures?: number;

  /**
   * What happens to the messages behind one that has been dead-lettered.
   *
   * @default - OnFailure.STOP with CommitWay.AGGREGATE, and on a FIFO channel with a `dedupTable`; else
   *   OnFailure.SKIP
   */
  readonly onFailure?: OnFailure;

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
   * @default - the horizon: producerRetryHorizon + (1 + maxRedrives) x (retention + deadLetterRetention of the
   *   channel)
   */
  readonly receiptRetention?: Duration;
}

/** What shapes the function belongs to one that is built from `entry`: beside `handler` it is refused. */
export interface IdempotentConsumerProps extends ConsumerOptions {
  /** Where the messages come from. One consumer per channel: a second one would take messages away from the first. */
  readonly channel: IMessageChannel;

  /**
   * Absolute path of the file that exports `handler`, to build the function from. Either this or `handler`.
   *
   * @default - none, `handler` is given
   */
  readonly entry?: string;

  /**
   * An existing function to use. Its timeout, memory and so on are its own. One that this app makes is given
   * environment variables and permissions. Any other (an import, a version, an alias) must have the variables
   * already: GUARANTEES.md lists them, and all else that cannot be known of it, as unproven. Either this or `entry`.
   *
   * @default - a HandlerFunction is built from `entry`
   */
  readonly handler?: IFunction;
}
