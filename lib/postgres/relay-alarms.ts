import { Duration } from 'aws-cdk-lib';
import { type Alarm, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';
import { durationText } from '../guarantees/duration-text.js';

/** As the runtime writes it. */
const namespace = 'ExactlyOnce/Outbox';

/** A figure that the relay of an outbox tells. Summed over 5 minutes, unless it is asked otherwise. */
export function outboxMetric(outbox: string, metricName: string, options?: MetricOptions): Metric {
  return new Metric({
    ...{ namespace, metricName, statistic: 'Sum', period: Duration.minutes(5) },
    dimensionsMap: { outbox },
    ...options,
  });
}

export interface PollingAlarmsOptions {
  readonly outboxName: string;
  /** Age of what is late. */
  readonly alarmAfter: Duration;
  /** How often the relay tells how the outbox stands. */
  readonly told: Duration;
}

export interface PollingAlarms {
  readonly oldestUnsentAlarm: Alarm;
  readonly stuckStreamsAlarm: Alarm;
}

/** One alarm per way on which events of a polled outbox are late without anybody being told. */
export function pollingAlarms(
  scope: Construct,
  { outboxName, alarmAfter, told }: PollingAlarmsOptions,
): PollingAlarms {
  // A period in which nothing is told would be one without a measurement.
  const period = Duration.minutes(Math.max(5, 2 * told.toMinutes()));
  const oldestUnsentAlarm = runbookAlarm(scope, 'OldestUnsent', {
    metric: outboxMetric(outboxName, 'oldestUnsent', { statistic: 'Maximum', period }),
    threshold: alarmAfter.toSeconds(),
    says: `An event of the outbox ${outboxName} has been unsent for more than ${durationText(alarmAfter)}, or its relay does not run`,
    page: 'postgres-relay',
    missingIsBad: true,
  });
  const stuckStreamsAlarm = runbookAlarm(scope, 'StuckStreams', {
    metric: outboxMetric(outboxName, 'stuckStreams', { statistic: 'Minimum', period }),
    threshold: 0,
    periods: Math.max(1, Math.ceil(alarmAfter.toMinutes() / period.toMinutes())),
    says: `Aggregates of the outbox ${outboxName} have been stuck for more than ${durationText(alarmAfter)}: a target does not take their next event`,
    page: 'postgres-relay',
  });
  return { oldestUnsentAlarm, stuckStreamsAlarm };
}
