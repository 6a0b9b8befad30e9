import type { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IMessageChannel } from './channel-base.js';
import { ChannelKind } from './channel-kind.js';
import type { ChannelWorkload } from './channel-workload.js';

export { ChannelKind };

export interface MessageChannelProps {
  /**
   * Order or not. It cannot be changed later: SQS has no such update, a change makes a new, empty queue. The old one
   * is retained with what is in it. With the decision written down in cdk.json, too (`npx exactly-once-aws choose`
   * prints the line), another `kind` fails the synth (R33).
   *
   * @default - what is written down for this channel in cdk.json; where nothing is, the synth fails and says what
   *   `workload` asks for
   */
  readonly kind?: ChannelKind;

  /**
   * The channel that this one takes the place of. Its messages have to be worked off by the same consumer: a
   * `MigratingConsumer` on this channel reads both. `npx exactly-once-aws migration` shows how far it is.
   *
   * @default - none
   */
  readonly migrateFrom?: IMessageChannel;

  /**
   * What the channel has to hold. A kind that does not hold it gives a warning with both numbers; it never changes a
   * queue.
   *
   * @default - not known, nothing is compared
   */
  readonly workload?: ChannelWorkload;

  /**
   * FIFO only: limits and duplicates are counted per message group instead of per queue, which lifts a queue from 300
   * calls per second to thousands.
   *
   * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
   * @default - false, or what is written down in cdk.json where `kind` is left to it
   */
  readonly highThroughput?: boolean;

  /**
   * Longest time that the consuming function may take for one batch. Its timeout, unless the consumer states its own.
   *
   * @default Duration.seconds(30)
   */
  readonly consumerTimeout?: Duration;

  /**
   * How long a received message stays hidden from other receivers, at most 12 hours. Only needed when the consumer
   * has a batching window, which adds to it.
   *
   * @default - 6 x `consumerTimeout`
   */
  readonly visibilityTimeout?: Duration;

  /**
   * How long a message that nobody processes stays in the queue, from 1 minute to 14 days. Afterwards SQS deletes it.
   *
   * @default Duration.days(4)
   */
  readonly retention?: Duration;

  /**
   * How long a message stays in the dead-letter queue, from 1 minute to 14 days.
   *
   * @default Duration.days(14)
   */
  readonly deadLetterRetention?: Duration;

  /**
   * Standard only: what must be left of a dead letter's life, at the least, to repair what is wrong and to redrive
   * it. On Standard a message that SQS dead-letters keeps its age, on FIFO its clock starts anew.
   *
   * @default Duration.days(1)
   */
  readonly timeToRepair?: Duration;

  /**
   * Customer managed key to encrypt both queues with.
   *
   * @default - keys that SQS manages (SSE-SQS)
   */
  readonly encryptionKey?: IKey;
}

/** Queues that exist, or that the app makes by itself, and what they are set to. */
export interface ExistingQueuesProps {
  /** Order or not: FIFO queues or Standard ones, both of one kind. */
  readonly kind: ChannelKind;

  /** Where producers send. */
  readonly queue: IQueue;

  /** Where messages go that can never succeed. The runtime sends them there with their reason. */
  readonly deadLetterQueue: IQueue;

  /** Visibility timeout that `queue` is set to. */
  readonly visibilityTimeout: Duration;

  /** Retention that `queue` is set to. */
  readonly retention: Duration;

  /** Retention that `deadLetterQueue` is set to. */
  readonly deadLetterRetention: Duration;

  /**
   * Longest time that the consuming function may take for one batch. Its timeout, unless the consumer states its own.
   *
   * @default - a sixth of `visibilityTimeout`
   */
  readonly consumerTimeout?: Duration;

  /**
   * Standard only: what must be left of a dead letter's life, at the least, to repair what is wrong and to redrive
   * it.
   *
   * @default Duration.days(1)
   */
  readonly timeToRepair?: Duration;
}
