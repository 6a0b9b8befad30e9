import { mostReceives } from '../channel/deployed-queue.js';
import { ChannelKind } from '../channel/message-channel-props.js';
import { isKnown } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { CommitWay, isInPostgres } from './commit-way.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';
import { OnFailure } from './on-failure.js';

/** Whether anything remembers what failed, and what is parked behind it. */
function keepsFailures(props: IdempotentConsumerProps): boolean {
  return props.dedupTable !== undefined || isInPostgres(props);
}

/** What the runtime is told, whether it was given or not. */
export function onFailureOf(props: IdempotentConsumerProps): OnFailure {
  const { onFailure, commitWay, channel } = props;
  if (onFailure !== undefined) return onFailure;
  if (commitWay === CommitWay.AGGREGATE) return OnFailure.STOP;
  return channel.kind === ChannelKind.FIFO && keepsFailures(props) ? OnFailure.STOP : OnFailure.SKIP;
}

export const defaultMaxFailures = 5;
const mostFailures = 999;

export function failureViolations(props: IdempotentConsumerProps): Violation[] {
  const { onFailure, maxFailures, commitWay, channel } = props;
  const violations: Violation[] = givenUpBefore(props);
  const stopsGroups = onFailure === OnFailure.STOP && commitWay !== CommitWay.AGGREGATE;
  if (stopsGroups && !keepsFailures(props))
    violations.push({
      id: 'stopped-groups-need-a-table',
      given: 'onFailure is STOP and `dedupTable` is left out',
      allowed: 'a `dedupTable`, which keeps the state of stopped groups and their messages',
      change: 'give `dedupTable`, or OnFailure.SKIP',
    });
  if (stopsGroups && channel.kind === ChannelKind.STANDARD)
    violations.push({
      id: 'groups-have-an-order',
      given: 'onFailure is STOP on a Standard channel',
      allowed: 'SKIP: messages of a Standard channel have no order that could be kept',
      change: 'remove `onFailure`, or use a FIFO channel or CommitWay.AGGREGATE',
    });
  if (
    maxFailures !== undefined &&
    isKnown(maxFailures) &&
    !(Number.isInteger(maxFailures) && maxFailures >= 1 && maxFailures <= mostFailures)
  )
    violations.push({
      id: 'failures-countable',
      given: `maxFailures is ${maxFailures}`,
      allowed: `a whole number from 1 to ${mostFailures}`,
      change: 'change `maxFailures`',
    });
  return violations;
}

/**
 * A queue of the app whose own redrive comes before the consumer's: SQS counts receives, moves the message without a
 * reason, and what is behind it goes on, whatever `onFailure` says (R19).
 */
function givenUpBefore({ channel, maxFailures = defaultMaxFailures }: IdempotentConsumerProps): Violation[] {
  const receives = mostReceives(channel.queue);
  if (receives === undefined || !isKnown(maxFailures) || receives >= maxFailures) return [];
  return [
    {
      id: 'sqs-gives-up-last',
      given: `'${channel.queue.node.path}' redrives after ${receives} receives`,
      allowed: `at least ${maxFailures} (maxFailures), and better 1,000: SQS counts receives, not failures`,
      change: 'raise `maxReceiveCount` of the queue',
    },
  ];
}

/** What a reader of GUARANTEES.md should know about the failures of this consumer. */
export function failureNotes(props: IdempotentConsumerProps): string[] {
  const { maxFailures = defaultMaxFailures, commitWay, channel } = props;
  const stops = onFailureOf(props) === OnFailure.STOP;
  const count = isKnown(maxFailures) ? String(maxFailures) : 'some';
  const counted = !keepsFailures(props)
    ? `Without \`dedupTable\` failures cannot be told from receives: a message is dead-lettered when it fails and has been received ${count} times. One that kills its process comes back until the last net of its queue.`
    : `A message is dead-lettered after ${count} failures of its own. Receives in which it was not tried, or had to wait, do not count.`;
  if (!stops) return [`${counted} Messages behind it go on (\`onFailure\` SKIP).`];
  if (commitWay === CommitWay.AGGREGATE)
    return [`${counted} Its stream then stands still in its aggregate (\`onFailure\` STOP).`];
  const cost =
    channel.kind === ChannelKind.FIFO && !isInPostgres(props)
      ? ' Each batch reads the state of its groups: 1 read unit a group.'
      : '';
  return [`${counted} Its group then stops until somebody decides (\`onFailure\` STOP).${cost}`];
}
