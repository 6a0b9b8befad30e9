import { Duration } from 'aws-cdk-lib';
import { durationText } from '../guarantees/duration-text.js';
import { isKnown, violationsOf } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { roomToWork } from '../guarantees/room-to-work.js';
import { tokenDuration } from '../guarantees/token-duration.js';
import { ChannelKind, type MessageChannelProps } from './message-channel-props.js';

const minute = Duration.minutes(1);
const twoWeeks = Duration.days(14);

/**
 * What is wrong with the props of a channel by themselves.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
 */
export function channelViolations(
  props: MessageChannelProps & { readonly kind: ChannelKind | undefined },
): Violation[] {
  const {
    kind,
    highThroughput,
    consumerTimeout,
    visibilityTimeout,
    retention,
    deadLetterRetention,
    timeToRepair,
  } = props;
  const violations: (Violation | undefined)[] = [
    // Without one it is undecided, which is another violation.
    kind === undefined || Object.values(ChannelKind).includes(kind)
      ? undefined
      : {
          id: 'kind-given',
          // Without types anything may come.
          given: `\`kind\` is '${kind as string}'`,
          allowed: 'ChannelKind.FIFO or ChannelKind.STANDARD',
          change: 'give `kind`: FIFO keeps the order within a group, STANDARD has no limit of throughput',
        },
    kind === ChannelKind.STANDARD && highThroughput === true
      ? {
          id: 'high-throughput-is-fifo',
          given: 'highThroughput is true',
          allowed: 'left out on a Standard channel',
          change: 'remove `highThroughput`, Standard queues have no limit to lift',
        }
      : undefined,
    outside('consumerTimeout', consumerTimeout, Duration.seconds(1), Duration.minutes(15)),
    outside('visibilityTimeout', visibilityTimeout, Duration.seconds(0), Duration.hours(12)),
    outside('retention', retention, minute, twoWeeks),
    outside('deadLetterRetention', deadLetterRetention, minute, twoWeeks),
    outside('timeToRepair', timeToRepair, minute, twoWeeks),
    kind === ChannelKind.FIFO && timeToRepair !== undefined
      ? {
          id: 'time-to-repair-is-standard',
          given: '`timeToRepair` is given',
          allowed: 'left out on a FIFO channel, where the clock of a dead letter starts anew',
          change: 'remove `timeToRepair`, state `deadLetterRetention`',
        }
      : undefined,
    tokenDuration('retention', retention, 'known at synth (half of it is the threshold of the age alarm)'),
    visibilityTimeout === undefined
      ? tokenDuration(
          'consumerTimeout',
          consumerTimeout,
          'known at synth (six times it is the visibility timeout)',
        )
      : undefined,
  ];
  return [
    ...violations.filter((violation) => violation !== undefined),
    ...consumerTimeoutViolations(consumerTimeout),
  ];
}

/** Whoever sets up the queue: the consumer takes its timeout from the channel. */
export function consumerTimeoutViolations(consumerTimeout: Duration | undefined): Violation[] {
  const room = consumerTimeout && roomToWork('consumerTimeout', consumerTimeout);
  return room === undefined ? [] : violationsOf([room]);
}

function outside(
  prop: string,
  value: Duration | undefined,
  low: Duration,
  high: Duration,
): Violation | undefined {
  if (value === undefined || !isKnown(value)) return undefined;
  const milliseconds = value.toMilliseconds();
  if (low.toMilliseconds() <= milliseconds && milliseconds <= high.toMilliseconds()) return undefined;
  return {
    id: 'sqs-limits',
    given: `${prop} is ${durationText(value)}`,
    allowed: `from ${durationText(low)} to ${durationText(high)}`,
    change: `change \`${prop}\``,
  };
}
