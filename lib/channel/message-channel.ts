import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import {
  DeduplicationScope,
  FifoThroughputLimit,
  type IQueue,
  Queue,
  QueueEncryption,
  type QueueProps,
} from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { channelInequalities } from '../guarantees/inequalities.js';
import { violationsOf } from '../guarantees/inequality.js';
import { pinResource } from '../guarantees/pinned-names.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { channelAlarms } from './channel-alarms.js';
import { addProducer, type ProducerOptions } from './add-producer.js';
import type { ChannelWorkload } from './channel-workload.js';
import { ChannelBase, type IMessageChannel } from './channel-base.js';
import { ExistingQueues } from './existing-queues.js';
import { ChannelKind, type ExistingQueuesProps, type MessageChannelProps } from './message-channel-props.js';
import { channelPeak } from './channel-peak.js';
import { decideTransport } from './decide-transport.js';
import { channelViolations } from './message-channel-rules.js';

/**
 * An SQS queue with its dead-letter queue, set up so that a message is neither lost nor counted out by accident.
 *
 * Producers give every message a group and an explicit deduplication id. Content-based deduplication is off: two
 * messages with equal bodies can be two purchases.
 *
 * Defaults imposed: a dead-letter queue of the same kind; `maxReceiveCount` 1,000 as the last net, because SQS counts
 * receives and not failures, and the runtime dead-letters after real failures itself (R19); TLS only; encryption;
 * RETAIN on delete and on replace, because a queue can hold messages that exist nowhere else. Override the last with
 * `RemovalPolicies.of(scope)`.
 *
 * @throws InvalidProps when props contradict each other or an inequality of docs/guarantees.md
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
 */
export class MessageChannel extends ChannelBase {
  /**
   * A channel on queues that this construct does not make. What they are set to is stated; where the app makes them
   * itself it is compared, otherwise `GUARANTEES.md` lists it as unproven. No alarms are made.
   *
   * @throws InvalidProps when the statements contradict the queues or an inequality of docs/guarantees.md
   */
  public static fromQueues(scope: Construct, id: string, props: ExistingQueuesProps): IMessageChannel {
    return new ExistingQueues(scope, id, props);
  }

  public readonly kind: ChannelKind;
  /** Where producers send. */
  public readonly queue: IQueue;
  /** Where messages go that can never succeed, each with its reason. */
  public readonly deadLetterQueue: IQueue;
  /** Goes off while anything is in the dead-letter queue. Give it an action. */
  public readonly deadLetterAlarm: Alarm;
  /**
   * Goes off when the oldest message has used up half of the retention: SQS loses messages by expiry (R24).
   */
  public readonly messageAgeAlarm: Alarm;
  /**
   * FIFO only: goes off at 60,000 waiting messages. A FIFO queue looks for groups to deliver in its first 120,000
   * messages; beyond that, a stuck group can hold up all others.
   *
   * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/avoid-backlog-with-the-same-message-group-id.html
   */
  public readonly backlogAlarm?: Alarm;
  /** FIFO only: goes off at 60,000 messages in flight. At 120,000 SQS hands out no more. */
  public readonly inFlightAlarm?: Alarm;
  /** The channel that this one takes the place of. */
  public readonly migratesFrom?: IMessageChannel;
  /** What it has to hold, where that is known. */
  public readonly workload?: ChannelWorkload;
  /** Timeout of the consuming function, unless the consumer states its own. */
  public readonly consumerTimeout: Duration;
  public readonly visibilityTimeout: Duration;
  public readonly retention: Duration;
  public readonly deadLetterRetention: Duration;

  constructor(scope: Construct, id: string, props: MessageChannelProps) {
    super(scope, id);
    const decision = decideTransport(this, props);
    this.kind = decision.kind ?? ChannelKind.FIFO;
    const { highThroughput } = decision;
    this.migratesFrom = props.migrateFrom;
    this.workload = props.workload;
    this.consumerTimeout = props.consumerTimeout ?? Duration.seconds(30);
    this.retention = props.retention ?? Duration.days(4);
    this.deadLetterRetention = props.deadLetterRetention ?? Duration.days(14);
    const fifo = this.kind === ChannelKind.FIFO;
    const inequalities = channelInequalities({
      fifo,
      retention: this.retention,
      deadLetterRetention: this.deadLetterRetention,
      timeToRepair: props.timeToRepair,
    });
    const violations = [
      ...decision.violations,
      ...channelViolations({ ...props, kind: props.kind ?? decision.kind }),
      ...violationsOf(inequalities),
    ];
    if (violations.length > 0) throw new InvalidProps('MessageChannel', this.node.path, violations);
    this.visibilityTimeout =
      props.visibilityTimeout ?? Duration.seconds(6 * this.consumerTimeout.toSeconds());

    const common: QueueProps = {
      // CloudFormation takes the FIFO attributes for FIFO queues only, not even `false` for the others.
      ...(fifo ? { fifo: true, contentBasedDeduplication: false } : {}),
      enforceSSL: true,
      encryption: props.encryptionKey === undefined ? QueueEncryption.SQS_MANAGED : QueueEncryption.KMS,
      encryptionMasterKey: props.encryptionKey,
      removalPolicy: RemovalPolicy.RETAIN,
    };
    const deadLetterQueue = new Queue(this, 'DeadLetters', {
      ...common,
      retentionPeriod: this.deadLetterRetention,
    });
    this.deadLetterQueue = deadLetterQueue;
    Validations.of(deadLetterQueue).acknowledge({
      id: 'Serverless-SQSRedrivePolicy',
      reason: 'It is the dead-letter queue: what is in it stays until somebody decides.',
    });
    this.queue = new Queue(this, 'Resource', {
      ...common,
      ...(highThroughput
        ? {
            deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
            fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
          }
        : {}),
      retentionPeriod: this.retention,
      visibilityTimeout: this.visibilityTimeout,
      deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: lastNet },
    });

    const alarms = channelAlarms(this, this);
    this.deadLetterAlarm = alarms.deadLetterAlarm;
    this.messageAgeAlarm = alarms.messageAgeAlarm;
    this.backlogAlarm = alarms.backlogAlarm;
    this.inFlightAlarm = alarms.inFlightAlarm;

    pinResource(this, this.queue, this.kind);
    GuaranteeReport.record('MessageChannel', this, {
      inequalities,
      peak: this.workload && channelPeak(this, this.workload, highThroughput),
      notes: decision.notes,
    });
  }

  /**
   * Lets a function send with `channelSender`: permissions, and what `channelSettings` of the runtime reads.
   *
   * @throws InvalidProps where the function sends to another channel under the same `name`
   */
  public addProducer(producer: LambdaFunction, options: ProducerOptions = {}): void {
    addProducer(producer, {
      ...{ channel: this, constructClass: 'MessageChannel' },
      queue: this.queue,
      options,
    });
  }
}

/** SQS allows at most 1,000. */
const lastNet = 1_000;
