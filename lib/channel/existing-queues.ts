import { Duration } from 'aws-cdk-lib';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { durationText } from '../guarantees/duration-text.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { channelInequalities } from '../guarantees/inequalities.js';
import { isKnown, violationsOf } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import { nameText } from '../guarantees/name-text.js';
import { queueElsewhere } from '../guarantees/same-region.js';
import type { Unproven } from '../guarantees/unproven.js';
import { ChannelBase } from './channel-base.js';
import { ChannelKind, type ExistingQueuesProps } from './message-channel-props.js';
import { isMadeHere, redrivesElsewhere, statedOtherwise } from './deployed-queue.js';
import { consumerTimeoutViolations } from './message-channel-rules.js';

/** Queues that somebody else sets up: what they are set to is stated, and compared where this app makes them. */
export class ExistingQueues extends ChannelBase {
  public readonly kind: ChannelKind;
  public readonly queue: IQueue;
  public readonly deadLetterQueue: IQueue;
  public readonly consumerTimeout: Duration;
  public readonly visibilityTimeout: Duration;
  public readonly retention: Duration;
  public readonly deadLetterRetention: Duration;

  constructor(scope: Construct, id: string, props: ExistingQueuesProps) {
    super(scope, id);
    const { kind, queue, deadLetterQueue, visibilityTimeout, retention, deadLetterRetention } = props;
    this.kind = kind;
    this.queue = queue;
    this.deadLetterQueue = deadLetterQueue;
    this.visibilityTimeout = visibilityTimeout;
    this.retention = retention;
    this.deadLetterRetention = deadLetterRetention;
    const inequalities = channelInequalities({
      fifo: kind === ChannelKind.FIFO,
      retention,
      deadLetterRetention,
      timeToRepair: props.timeToRepair,
    });
    const violations = [
      ...kindViolations(props),
      ...queueElsewhere(this, 'queue', queue),
      ...queueElsewhere(this, 'deadLetterQueue', deadLetterQueue),
      ...statedOtherwise('visibilityTimeout', visibilityTimeout, queue),
      ...statedOtherwise('retention', retention, queue),
      ...statedOtherwise('deadLetterRetention', deadLetterRetention, deadLetterQueue),
      ...redrivesElsewhere(queue, deadLetterQueue),
      ...timeoutViolations(props),
      ...violationsOf(inequalities),
    ];
    if (violations.length > 0) throw new InvalidProps('MessageChannel', this.node.path, violations);
    this.consumerTimeout =
      props.consumerTimeout ?? Duration.seconds(Math.floor(visibilityTimeout.toSeconds() / 6));
    GuaranteeReport.record('MessageChannel', this, { inequalities, unproven: this.unproven() });
  }

  private unproven(): Unproven[] {
    const { queue, deadLetterQueue } = this;
    const source = nameText(queue, queue.queueName);
    const target = nameText(deadLetterQueue, deadLetterQueue.queueName);
    const attributes = (name: string, names: string) =>
      `\`aws sqs get-queue-attributes --queue-url <url of ${name}> --attribute-names ${names}\``;
    const unproven: Unproven[] = [];
    if (!isMadeHere(queue))
      unproven.push({
        id: 'queue-as-stated',
        required: `${source} has a visibility timeout of ${known(this.visibilityTimeout)} and a retention of ${known(this.retention)}`,
        check: attributes(source, 'VisibilityTimeout MessageRetentionPeriod'),
      });
    if (!isMadeHere(deadLetterQueue))
      unproven.push({
        id: 'dead-letter-queue-as-stated',
        required: `${target} has a retention of ${known(this.deadLetterRetention)}`,
        check: attributes(target, 'MessageRetentionPeriod'),
      });
    return [
      ...unproven,
      {
        id: 'sqs-gives-up-last',
        required: `${source} redrives to ${target} after 1,000 receives: SQS counts receives, not failures`,
        check: attributes(source, 'RedrivePolicy'),
      },
      {
        id: 'loss-is-seen',
        required: `alarms on the age of the oldest message of ${source} (half of its retention) and on any message in ${target}`,
        check: 'alarms on `metricOldestMessageAge()` and `metricDeadLetters()` of the channel',
      },
    ];
  }
}

function kindViolations({ kind, queue, deadLetterQueue }: ExistingQueuesProps): Violation[] {
  return [queue, deadLetterQueue]
    .filter(({ fifo }) => fifo !== (kind === ChannelKind.FIFO))
    .map(({ fifo, node }) => ({
      id: 'kind-as-deployed',
      given: `kind is ${kind}`,
      allowed: `that of '${node.path}', which is ${fifo ? 'FIFO' : 'Standard'}`,
      change: 'change `kind`, or give two queues of one kind (an import by a token needs `fifo: true`)',
    }));
}

function timeoutViolations({ visibilityTimeout, consumerTimeout }: ExistingQueuesProps): Violation[] {
  if (consumerTimeout !== undefined) return consumerTimeoutViolations(consumerTimeout);
  const known = isKnown(visibilityTimeout);
  if (known && visibilityTimeout.toSeconds() >= 18) return [];
  return [
    {
      id: known ? 'function-has-room' : 'known-at-synth',
      given: `visibilityTimeout is ${known ? durationText(visibilityTimeout) : 'a token'}`,
      allowed: known
        ? 'at least 18 seconds, six times the shortest timeout with which a function begins a message'
        : 'known at synth (a sixth of it is the timeout of the consumer)',
      change: known
        ? 'raise the visibility timeout of the queue'
        : 'give `visibilityTimeout` as a plain Duration, or give `consumerTimeout`',
    },
  ];
}

function known(duration: Duration): string {
  return isKnown(duration) ? durationText(duration) : 'what the deployment gives';
}
