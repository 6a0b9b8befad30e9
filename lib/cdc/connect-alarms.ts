import { Duration, type Size } from 'aws-cdk-lib';
import { type Alarm, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';

const namespace = 'ExactlyOnce/Connect';
const period = Duration.minutes(5);
/** Of a task within a period, that are no more an accident. */
const fewRestarts = 2;

/** What `runConnectWorker` logs, by name of the figure. */
const figures = ['notRunning', 'restarts', 'slotInactive', 'slotLagBytes'] as const;
type Figure = (typeof figures)[number];

export interface ConnectAlarmsProps {
  readonly connector: string;
  readonly logGroup: ILogGroup;
  readonly maxSlotLag: Size;
}

/** What a connector of a database can come to. They go off also when nobody tells. Give them actions. */
export class ConnectAlarms extends Construct {
  /** The connector or its task does not run, or fails again and again: nothing is captured. */
  public readonly failedAlarm: Alarm;
  /** Nobody reads the replication slot: the database keeps its log for it. */
  public readonly slotInactiveAlarm: Alarm;
  /** The database keeps too much of its log for the slot. */
  public readonly slotLagAlarm: Alarm;
  private readonly connector: string;

  constructor(scope: Construct, id: string, { connector, logGroup, maxSlotLag }: ConnectAlarmsProps) {
    super(scope, id);
    this.connector = connector;
    for (const figure of figures)
      new MetricFilter(this, figure, {
        logGroup,
        filterPattern: FilterPattern.all(
          FilterPattern.stringValue('$.exactlyOnce', '=', 'connect'),
          FilterPattern.stringValue('$.connector', '=', connector),
          FilterPattern.exists(`$.${figure}`),
        ),
        metricNamespace: namespace,
        metricName: figure,
        metricValue: `$.${figure}`,
        dimensions: { connector: '$.connector' },
      });
    // All workers see the same: a look that one of them had while it was well is enough.
    this.failedAlarm = runbookAlarm(this, 'Failed', {
      metric: new MathExpression({
        expression: `IF(notRunning > 0 OR FILL(restarts, 0) > ${fewRestarts}, 1, 0)`,
        usingMetrics: {
          notRunning: this.metric('notRunning', 'Minimum'),
          restarts: this.metric('restarts', 'Sum'),
        },
        label: 'does not run',
        period,
      }),
      threshold: 0,
      periods: 2,
      says: `The connector '${connector}' or its task has failed, or no worker tells: changes of the database wait in its log`,
      missingIsBad: true,
      page: 'connector-failed',
    });
    this.slotInactiveAlarm = runbookAlarm(this, 'SlotInactive', {
      metric: this.metric('slotInactive', 'Minimum'),
      threshold: 0,
      periods: 3,
      says: `Nobody reads the replication slot of the connector '${connector}', or nobody can look: the database keeps its log until its disk is full`,
      missingIsBad: true,
      page: 'replication-slot',
    });
    this.slotLagAlarm = runbookAlarm(this, 'SlotLag', {
      metric: this.metric('slotLagBytes', 'Maximum'),
      threshold: maxSlotLag.toBytes(),
      periods: 3,
      says: `The database keeps more than ${Math.round(maxSlotLag.toBytes() / 1024 ** 2)} MiB of its log for the replication slot of the connector '${connector}'`,
      missingIsBad: true,
      page: 'replication-slot',
    });
  }

  private metric(metricName: Figure, statistic: string): Metric {
    return new Metric({
      namespace,
      metricName,
      dimensionsMap: { connector: this.connector },
      statistic,
      period,
    });
  }
}
