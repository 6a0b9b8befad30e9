import { Duration } from 'aws-cdk-lib';
import { Metric, type Alarm, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';
import { nameText } from '../guarantees/name-text.js';
import type { OutboxTable } from './outbox-table.js';

/** As the runtime writes them. */
const namespace = 'ExactlyOnce/Outbox';

/** One alarm per way on which events are late without anybody being told. */
export class RelayAlarms extends Construct {
  /** The stream is behind. */
  public readonly lagAlarm: Alarm;
  /** Neither the stream nor the sweep gets an event through. */
  public readonly oldestUnsentAlarm: Alarm;

  constructor(scope: Construct, id: string, outbox: OutboxTable, relay: IFunction, after: Duration) {
    super(scope, id);
    const name = nameText(outbox, outbox.table.tableName);
    this.lagAlarm = runbookAlarm(this, 'Lag', {
      metric: iteratorAge(relay),
      threshold: after.toMilliseconds(),
      says: `The relay of the outbox ${name} is behind: the oldest record of its stream is older than ${after.toMinutes()} minutes`,
      page: 'relay-lag',
    });
    this.oldestUnsentAlarm = runbookAlarm(this, 'OldestUnsent', {
      metric: relayMetric(outbox, 'oldestUnsent', { statistic: 'Maximum' }),
      threshold: after.toSeconds(),
      says: `An event of the outbox ${name} has been unsent for more than ${after.toMinutes()} minutes`,
      page: 'oldest-unsent',
    });
  }
}

export function iteratorAge(relay: IFunction, props?: MetricOptions): Metric {
  return relay.metric('IteratorAge', { statistic: 'Maximum', period: Duration.minutes(5), ...props });
}

export function relayMetric(outbox: OutboxTable, metricName: string, props?: MetricOptions): Metric {
  return new Metric({
    namespace,
    metricName,
    dimensionsMap: { outbox: outbox.table.tableName },
    statistic: 'Sum',
    period: Duration.minutes(5),
    ...props,
  });
}
