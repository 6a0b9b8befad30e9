import type { Duration } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import type { ChannelKind } from './channel-kind.js';
import type { ChannelWorkload } from './channel-workload.js';
import { MessageChannelGrants } from './message-channel-grants.js';

/** A queue with its dead-letter queue, made by `MessageChannel` or stated with `MessageChannel.fromQueues`. */
export interface IMessageChannel extends IConstruct {
  readonly kind: ChannelKind;
  /** Where producers send. */
  readonly queue: IQueue;
  /** Where messages go that can never succeed, each with its reason. */
  readonly deadLetterQueue: IQueue;
  /** Permissions on the channel. */
  readonly grants: MessageChannelGrants;
  /** The channel that this one takes the place of, if any. */
  readonly migratesFrom?: IMessageChannel;
  /** What it has to hold, where that is known. */
  readonly workload?: ChannelWorkload;
  /** Timeout of the consuming function, unless the consumer states its own. */
  readonly consumerTimeout: Duration;
  readonly visibilityTimeout: Duration;
  readonly retention: Duration;
  readonly deadLetterRetention: Duration;

  /** Shorthand for `grants.sendMessages`. */
  grantSendMessages(grantee: IGrantable): Grant;

  /**
   * Messages in the dead-letter queue.
   *
   * @default - maximum over 5 minutes
   */
  metricDeadLetters(props?: MetricOptions): Metric;

  /**
   * Age of the oldest message in the queue, in seconds.
   *
   * @default - maximum over 5 minutes
   */
  metricOldestMessageAge(props?: MetricOptions): Metric;

  /**
   * Messages that wait to be received.
   *
   * @default - maximum over 5 minutes
   */
  metricWaitingMessages(props?: MetricOptions): Metric;

  /**
   * Messages that have been received and neither deleted nor shown again.
   *
   * @default - maximum over 5 minutes
   */
  metricInFlightMessages(props?: MetricOptions): Metric;
}

/**
 * What a channel offers, whoever made its queues.
 *
 * @internal
 */
export abstract class ChannelBase extends Construct implements IMessageChannel {
  public abstract readonly kind: ChannelKind;
  public abstract readonly queue: IQueue;
  public abstract readonly deadLetterQueue: IQueue;
  public abstract readonly consumerTimeout: Duration;
  public abstract readonly visibilityTimeout: Duration;
  public abstract readonly retention: Duration;
  public abstract readonly deadLetterRetention: Duration;

  /** Permissions on the channel. */
  public get grants(): MessageChannelGrants {
    return new MessageChannelGrants(this.queue, this.deadLetterQueue);
  }

  /** Shorthand for `grants.sendMessages`. */
  public grantSendMessages(grantee: IGrantable): Grant {
    return this.grants.sendMessages(grantee);
  }

  /**
   * Messages in the dead-letter queue.
   *
   * @default - maximum over 5 minutes
   */
  public metricDeadLetters(props?: MetricOptions): Metric {
    return this.deadLetterQueue.metricApproximateNumberOfMessagesVisible(props);
  }

  /**
   * Age of the oldest message in the queue, in seconds.
   *
   * @default - maximum over 5 minutes
   */
  public metricOldestMessageAge(props?: MetricOptions): Metric {
    return this.queue.metricApproximateAgeOfOldestMessage(props);
  }

  /**
   * Messages that wait to be received.
   *
   * @default - maximum over 5 minutes
   */
  public metricWaitingMessages(props?: MetricOptions): Metric {
    return this.queue.metricApproximateNumberOfMessagesVisible(props);
  }

  /**
   * Messages that have been received and neither deleted nor shown again.
   *
   * @default - maximum over 5 minutes
   */
  public metricInFlightMessages(props?: MetricOptions): Metric {
    return this.queue.metricApproximateNumberOfMessagesNotVisible(props);
  }
}
