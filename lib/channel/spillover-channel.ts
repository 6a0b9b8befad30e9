import type { Duration } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import type { PeakNeed } from '../guarantees/peak-need.js';
import { addProducer, type ProducerOptions } from './add-producer.js';
import type { ChannelWorkload } from './channel-workload.js';
import { channelPeak } from './channel-peak.js';
import { MessageChannel } from './message-channel.js';
import { ChannelKind } from './message-channel-props.js';

/** See the props of the same names of MessageChannel: they are those of both queues. */
export interface SpilloverChannelProps {
  /**
   * Of the FIFO queue: limits and duplicates are counted per message group.
   *
   * @default true
   */
  readonly highThroughput?: boolean;

  /**
   * Longest time that the consuming function may take for one batch.
   *
   * @default Duration.seconds(30)
   */
  readonly consumerTimeout?: Duration;

  /**
   * How long a message that nobody processes stays in its queue.
   *
   * @default Duration.days(4)
   */
  readonly retention?: Duration;

  /**
   * How long a message stays in a dead-letter queue.
   *
   * @default Duration.days(14)
   */
  readonly deadLetterRetention?: Duration;

  /**
   * What the channel has to hold. With `ordered` its consumer has to order by the producer's versions.
   *
   * @default - not known
   */
  readonly workload?: ChannelWorkload;

  /**
   * Customer managed key to encrypt all queues with.
   *
   * @default - keys that SQS manages (SSE-SQS)
   */
  readonly encryptionKey?: IKey;
}

/**
 * A FIFO queue, and a Standard queue that takes what FIFO throttles for longer than it needs to warm up (R32). Each
 * has its dead-letter queue and its alarms.
 *
 * Guarantees: what `channelSender` has sent is in one of the queues, and one that may be in both has one identity, so
 * that `SpilloverConsumer` lets it act once. Does not guarantee: the queue's order for what was spilled. It is kept
 * by the producer's versions (CommitWay.AGGREGATE), or not at all.
 *
 * @throws InvalidProps as MessageChannel does
 */
export class SpilloverChannel extends Construct {
  /** Where producers send first. */
  public readonly fifo: MessageChannel;
  /** Where they send while FIFO throttles. */
  public readonly standard: MessageChannel;
  public readonly workload?: ChannelWorkload;

  constructor(scope: Construct, id: string, props: SpilloverChannelProps = {}) {
    super(scope, id);
    const { highThroughput = true, workload, ...common } = props;
    this.workload = workload;
    this.fifo = new MessageChannel(this, 'Fifo', { ...common, kind: ChannelKind.FIFO, highThroughput });
    this.standard = new MessageChannel(this, 'Standard', { ...common, kind: ChannelKind.STANDARD });
    if (workload !== undefined)
      GuaranteeReport.record('SpilloverChannel', this, {
        peak: spilledPeak(channelPeak(this, workload, highThroughput)),
      });
  }

  /**
   * Lets a function send with `channelSender`: permissions, and what `channelSettings` of the runtime reads.
   *
   * @throws InvalidProps where the function sends to another channel under the same `name`
   */
  public addProducer(producer: LambdaFunction, options: ProducerOptions = {}): void {
    const { fifo, standard } = this;
    const channel = { channel: this, constructClass: 'SpilloverChannel' };
    addProducer(producer, { ...channel, queue: fifo.queue, spillover: standard.queue, options });
  }
}

/** What FIFO does not hold goes to Standard, which has no limit: it is enough either way. */
function spilledPeak(needs: readonly PeakNeed[]): PeakNeed[] {
  return needs.map((need) => ({ ...need, has: `${need.has}; the rest is spilled`, enough: true }));
}
