import { Duration } from 'aws-cdk-lib';
import { Metric, type Alarm, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { IEventSourceMapping, IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';
import { nameText } from '../guarantees/name-text.js';
import type { OutboxTable } from './outbox-table.js';

/** As the runtime writes them. */
const namespace = 'ExactlyOnce/Outbox';

/** What the alarms of a relay look at. */
export interface RelayAlarmsProps {
  readonly outbox: OutboxTable;
  readonly relay: IFunction;
  readonly mapping: IEventSourceMapping;
  /** Age of what is late. */
  readonly after: Duration;
  readonly sweepInterval: Duration;
}

/** One alarm per way on which events are late without anybody being told. */
export class RelayAlarms extends Construct {
  /** The stream is behind. */
  public readonly lagAlarm: Alarm;
  /** The stream brings nothing: its mapping is off, or cannot invoke. The sweep sends, more slowly. */
  public readonly streamSilenceAlarm: Alarm;
  /** An event waits in a stream that is stuck, or no sweep tells: it does not run. */
  public readonly oldestUnsentAlarm: Alarm;
  /** Streams are stuck. */
  public readonly stuckStreamsAlarm: Alarm;
  /** The mapping has given up batches: their events could neither be sent, nor listed as stuck. */
  public readonly discardedBatchesAlarm: Alarm;

  constructor(scope: Construct, id: string, props: RelayAlarmsProps) {
    super(scope, id);
    const { outbox, relay, mapping, after, sweepInterval } = props;
    const name = nameText(outbox, outbox.table.tableName);
    const late = `for more than ${after.toMinutes()} minutes`;
    // A period without a sweep in it would be one without a measurement.
    const minutes = Math.max(5, 2 * sweepInterval.toMinutes());
    const swept = { statistic: 'Maximum', period: Duration.minutes(minutes) };
    this.lagAlarm = runbookAlarm(this, 'Lag', {
      metric: iteratorAge(relay),
      threshold: after.toMilliseconds(),
      says: `The relay of the outbox ${name} is behind: the oldest record of its stream is older than ${after.toMinutes()} minutes`,
      page: 'relay-lag',
    });
    this.streamSilenceAlarm = runbookAlarm(this, 'StreamSilence', {
      metric: relayMetric(outbox, 'streamSilence', swept),
      threshold: after.toSeconds(),
      says: `The stream of the outbox ${name} has brought nothing to its relay ${late}`,
      page: 'relay-lag',
    });
    this.oldestUnsentAlarm = runbookAlarm(this, 'OldestUnsent', {
      metric: relayMetric(outbox, 'oldestUnsent', swept),
      threshold: after.toSeconds(),
      says: `An event of the outbox ${name} has been unsent ${late}, or its sweep does not run`,
      page: 'oldest-unsent',
      missingIsBad: true,
    });
    this.stuckStreamsAlarm = runbookAlarm(this, 'StuckStreams', {
      metric: relayMetric(outbox, 'stuckStreams', { ...swept, statistic: 'Minimum' }),
      threshold: 0,
      periods: Math.max(1, Math.ceil(after.toMinutes() / minutes)),
      says: `Streams of the outbox ${name} have been stuck ${late}: a target does not take their next event`,
      page: 'stuck-streams',
    });
    this.discardedBatchesAlarm = runbookAlarm(this, 'DiscardedBatches', {
      metric: discardedEvents(mapping),
      threshold: 0,
      says: `The stream of the outbox ${name} has given up batches of events, which only the daily scan finds`,
      page: 'relay-lag',
    });
  }
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics */
export function discardedEvents(mapping: IEventSourceMapping, props?: MetricOptions): Metric {
  return new Metric({
    namespace: 'AWS/Lambda',
    metricName: 'OnFailureDestinationDeliveredEventCount',
    dimensionsMap: { EventSourceMappingUUID: mapping.eventSourceMappingId },
    statistic: 'Sum',
    period: Duration.minutes(5),
    ...props,
  });
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
