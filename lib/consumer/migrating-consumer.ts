import { Construct } from 'constructs';
import type { IMessageChannel } from '../channel/channel-base.js';
import { ChannelKind } from '../channel/channel-kind.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { consumeBoth } from './consume-both.js';
import type { IdempotentConsumer } from './idempotent-consumer.js';
import type { ConsumerOptions } from './idempotent-consumer-props.js';

/** See the props of the same names of IdempotentConsumer: they are those of both functions. */
export interface MigratingConsumerProps extends ConsumerOptions {
  /** The new channel. It names the old one in `migrateFrom`. */
  readonly channel: IMessageChannel;

  /**
   * Whether the new queue waits: its mapping is off until you take this away, once `npx exactly-once-aws migration`
   * has found the old queue and its dead letters empty. Producers go on, and what they send to the new queue is kept
   * there meanwhile: see its retention. Between two FIFO queues it keeps an order that only the queue has given, as
   * long as all producers of a group move together, and none sends to the old queue after the new one was let go.
   *
   * @default false - both are processed at once
   */
  readonly newQueueWaits?: boolean;

  /** Absolute path of the file that exports `handler`, to build both functions from. */
  readonly entry: string;
}

/**
 * One handler on a channel and on the one that it takes the place of, for as long as the old one has messages (R33).
 * The name and the table are those of the consumer before: what has acted is known.
 *
 * Guarantees: as IdempotentConsumer, over both queues together, while producers move one by one and old messages are
 * worked off. Order: by the producer's versions (CommitWay.AGGREGATE). Does not guarantee the order that only a queue
 * has given: a later message in the new queue may act before an earlier one in the old. Where that matters, let the
 * new queue wait (`newQueueWaits`).
 *
 * @throws InvalidProps when order is asked for and nothing keeps it, when the channel takes no other one's place, and
 *   as IdempotentConsumer does
 */
export class MigratingConsumer extends Construct {
  /** Works off the old channel. */
  public readonly before: IdempotentConsumer;
  /** Processes the new one. */
  public readonly after: IdempotentConsumer;

  constructor(scope: Construct, id: string, props: MigratingConsumerProps) {
    super(scope, id);
    const { channel, newQueueWaits = false, ...common } = props;
    const { migratesFrom } = channel;
    if (migratesFrom === undefined)
      throw new InvalidProps('MigratingConsumer', this.node.path, [
        {
          id: 'migration-has-two-ends',
          given: `channel '${channel.node.path}' has no \`migrateFrom\``,
          allowed: 'a channel that takes the place of another one',
          change: 'give `migrateFrom` of the channel, or use IdempotentConsumer',
        },
      ]);
    const both = {
      constructClass: 'MigratingConsumer',
      workloads: [migratesFrom.workload, channel.workload],
      // The second begins where the first has ended: there is one order, as of one queue.
      oneAfterTheOther: newQueueWaits && channel.kind === ChannelKind.FIFO,
      props: common,
    };
    [this.before, this.after] = consumeBoth(this, both, [
      { id: 'Before', channel: migratesFrom },
      { id: 'After', channel, waits: newQueueWaits },
    ]);
  }
}
