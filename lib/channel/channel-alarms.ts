import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { durationText } from '../guarantees/duration-text.js';
import { nameText } from '../guarantees/name-text.js';
import type { IMessageChannel } from './channel-base.js';
import { quotas } from './choice/quotas.js';
import { ChannelKind } from './message-channel-props.js';
import { runbookAlarm } from './runbook-alarm.js';

/** The alarms of a channel. Their ids are those of its children. */
export interface ChannelAlarms {
  readonly deadLetterAlarm: Alarm;
  readonly messageAgeAlarm: Alarm;
  /** FIFO only. */
  readonly backlogAlarm?: Alarm;
  /** FIFO only. */
  readonly inFlightAlarm?: Alarm;
}

/** One alarm per way on which a queue loses messages, or stands still, without anybody being told. */
export function channelAlarms(scope: Construct, channel: IMessageChannel): ChannelAlarms {
  const { queue, deadLetterQueue, retention, kind } = channel;
  const name = nameText(queue, queue.queueName);
  const common = {
    deadLetterAlarm: runbookAlarm(scope, 'DeadLetterAlarm', {
      metric: channel.metricDeadLetters(),
      threshold: 0,
      says: `Messages are in the dead-letter queue ${nameText(deadLetterQueue, deadLetterQueue.queueName)}: they have not acted`,
      page: 'dead-letters',
    }),
    messageAgeAlarm: runbookAlarm(scope, 'MessageAgeAlarm', {
      metric: channel.metricOldestMessageAge(),
      threshold: retention.toSeconds() / 2,
      says: `The oldest message of ${name} has used up half of its ${durationText(retention)}, after which SQS deletes it`,
      page: 'message-age',
    }),
  };
  if (kind !== ChannelKind.FIFO) return common;
  return {
    ...common,
    backlogAlarm: runbookAlarm(scope, 'BacklogAlarm', {
      metric: channel.metricWaitingMessages(),
      threshold: quotas.fifoLookAhead.value / 2,
      says: `More than 60,000 messages wait in ${name}: beyond 120,000 a stuck group holds up all others`,
      page: 'backlog',
    }),
    inFlightAlarm: runbookAlarm(scope, 'InFlightAlarm', {
      metric: channel.metricInFlightMessages(),
      threshold: quotas.fifoInFlight.value / 2,
      says: `More than 60,000 messages of ${name} are in flight: at 120,000 SQS hands out no more`,
      page: 'in-flight',
    }),
  };
}
