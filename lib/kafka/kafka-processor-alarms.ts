import { Duration } from 'aws-cdk-lib';
import { type Alarm, MathExpression, Metric, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';

const namespace = 'ExactlyOnce/Kafka';
/** Stands still for so long before it is told: longer than a transaction may hang, and a deployment takes. */
const stalledMinutes = 15;
/** Over how long what the tasks tell is summed up. */
const figureMinutes = 5;

export interface KafkaProcessorAlarmsProps {
  readonly consumerName: string;
  readonly kafkaClusterName: string;
  readonly inputTopics: string[];
  readonly logGroup: ILogGroup;
  readonly maxLag: Duration;
}

/**
 * What MSK measures of a group and a topic. @see https://docs.aws.amazon.com/msk/latest/developerguide/metrics-details.html
 */
export function groupMetric(
  { kafkaClusterName, consumerName }: Pick<KafkaProcessorAlarmsProps, 'kafkaClusterName' | 'consumerName'>,
  metricName: string,
  topic: string,
): Metric {
  return new Metric({
    namespace: 'AWS/Kafka',
    metricName,
    dimensionsMap: { 'Cluster Name': kafkaClusterName, 'Consumer Group': consumerName, Topic: topic },
    statistic: 'Maximum',
    period: Duration.minutes(1),
  });
}

/** Of all topics together. @param combine `SUM` or `MAX` */
function overTopics(
  props: Pick<KafkaProcessorAlarmsProps, 'kafkaClusterName' | 'consumerName' | 'inputTopics'>,
  metricName: string,
  combine: 'SUM' | 'MAX',
): MathExpression {
  return new MathExpression({
    expression: `${combine}([${props.inputTopics.map((_, index) => `m${index}`).join(', ')}])`,
    usingMetrics: Object.fromEntries(
      props.inputTopics.map((topic, index): [string, IMetric] => [
        `m${index}`,
        groupMetric(props, metricName, topic),
      ]),
    ),
    period: Duration.minutes(1),
  });
}

/** One alarm per way on which records are late or given up. Give them actions. */
export class KafkaProcessorAlarms extends Construct {
  /** The oldest unread record is too old. */
  public readonly lagAlarm: Alarm;
  /** There are records to be read, and nothing is committed: a transaction may hang. */
  public readonly stalledAlarm: Alarm;
  /** Records were given up. */
  public readonly deadLetterAlarm: Alarm;
  /**
   * Records that could be read and are not committed, of all tasks together, as they tell it once a minute. Unlike
   * what MSK measures it ends at the last stable offset: records of open transactions are not in it.
   */
  public readonly stableLag: IMetric;

  constructor(scope: Construct, id: string, props: KafkaProcessorAlarmsProps) {
    super(scope, id);
    const { consumerName, maxLag } = props;
    const committed = this.figure(props, 'committed', '$.messages');
    this.stableLag = new MathExpression({
      expression: `told / ${figureMinutes}`,
      usingMetrics: { told: this.figure(props, 'lag', '$.records') },
      period: Duration.minutes(figureMinutes),
      label: 'records of lag',
    });
    const deadLettered = this.figure(props, 'dead-lettered', '1');
    this.lagAlarm = runbookAlarm(this, 'Lag', {
      metric: overTopics(props, 'EstimatedMaxTimeLag', 'MAX'),
      threshold: maxLag.toSeconds(),
      periods: 3,
      says: `The Kafka processor '${consumerName}' is behind: its oldest unread record is older than ${maxLag.toSeconds()} seconds`,
      page: 'kafka-processor-lag',
    });
    this.stalledAlarm = runbookAlarm(this, 'Stalled', {
      metric: new MathExpression({
        expression: 'IF(lag > 0 AND FILL(committed, 0) < 1, 1, 0)',
        usingMetrics: { lag: overTopics(props, 'SumOffsetLag', 'SUM'), committed },
        period: Duration.minutes(5),
      }),
      threshold: 0,
      periods: stalledMinutes / 5,
      says: `The Kafka processor '${consumerName}' has records to read and has committed nothing for ${stalledMinutes} minutes`,
      page: 'kafka-stalled',
    });
    this.deadLetterAlarm = runbookAlarm(this, 'DeadLetters', {
      metric: deadLettered,
      threshold: 0,
      says: `The Kafka processor '${consumerName}' has given records up`,
      page: 'kafka-dead-letters',
    });
  }

  /** Read from the log lines that the runtime writes (`logProcessorEvents`). */
  private figure(
    { logGroup, consumerName }: KafkaProcessorAlarmsProps,
    kind: string,
    metricValue: string,
  ): Metric {
    const filter = new MetricFilter(this, kind, {
      logGroup,
      filterPattern: FilterPattern.all(
        FilterPattern.stringValue('$.exactlyOnce', '=', 'kafka-processor'),
        FilterPattern.stringValue('$.consumerName', '=', consumerName),
        FilterPattern.stringValue('$.kind', '=', kind),
      ),
      metricNamespace: namespace,
      metricName: `${consumerName}-${kind}`,
      metricValue,
    });
    return filter.metric({ statistic: 'Sum', period: Duration.minutes(figureMinutes) });
  }
}
