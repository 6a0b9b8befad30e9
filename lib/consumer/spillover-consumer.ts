import { Construct } from 'constructs';
import type { SpilloverChannel } from '../channel/spillover-channel.js';
import { consumeBoth } from './consume-both.js';
import { peakOf } from './consumer-values.js';
import type { IdempotentConsumer } from './idempotent-consumer.js';
import type { ConsumerOptions } from './idempotent-consumer-props.js';

/** See the props of the same names of IdempotentConsumer: they are those of both functions. */
export interface SpilloverConsumerProps extends ConsumerOptions {
  /** Where the messages come from. */
  readonly channel: SpilloverChannel;

  /** Absolute path of the file that exports `handler`, to build both functions from. */
  readonly entry: string;
}

/**
 * One handler on both queues of a channel: two functions of one code, one `consumerName`, one table. A message that
 * came by one queue is recognised when it comes by the other.
 *
 * Guarantees: as IdempotentConsumer, over both queues together. The identity has to be the producer's: a key, or with
 * CommitWay.AGGREGATE the producer's version, which also keeps the order over both queues. A group cannot be stopped
 * by a failure without versions, because the other queue does not know: OnFailure.SKIP is the default there.
 *
 * @throws InvalidProps when order is asked for and nothing keeps it, and as IdempotentConsumer does
 */
export class SpilloverConsumer extends Construct {
  /** Processes what comes by FIFO. */
  public readonly fifo: IdempotentConsumer;
  /** Processes what was spilled. */
  public readonly standard: IdempotentConsumer;

  constructor(scope: Construct, id: string, props: SpilloverConsumerProps) {
    super(scope, id);
    const { channel, ...common } = props;
    const { workload } = channel;
    // At the worst all of it comes by one of the two queues, so each side has to hold the whole peak.
    const peak = peakOf(this, { ...common, channel: channel.fifo }, workload);
    const both = { constructClass: 'SpilloverConsumer', workloads: [workload], props: common, peak };
    [this.fifo, this.standard] = consumeBoth(this, both, [
      { id: 'Fifo', channel: channel.fifo },
      { id: 'Standard', channel: channel.standard },
    ]);
  }
}
