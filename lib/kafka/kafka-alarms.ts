import { Duration } from 'aws-cdk-lib';
import { type Alarm, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';

/** What only a log of partitions can come to. Give the alarms actions. */
export interface KafkaAlarms {
  readonly lag: Alarm;
  readonly held: Alarm;
}

const period = Duration.minutes(5);

/** @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html (OffsetLag) */
export function kafkaAlarms(
  scope: Construct,
  given: {
    readonly function: IFunction;
    readonly logGroup: ILogGroup;
    readonly consumerName: string;
    readonly lag: number;
  },
): KafkaAlarms {
  const name = `'${given.consumerName}'`;
  new MetricFilter(scope, 'heldFigures', {
    logGroup: given.logGroup,
    filterPattern: FilterPattern.literal(
      `{ $.exactlyOnce = "problem" && ($.error = "TopicRecreated*" || $.error = "TopicIdUnknown*") && $.consumer = "${given.consumerName}" }`,
    ),
    metricNamespace: 'ExactlyOnce',
    metricName: 'held',
    metricValue: '1',
    dimensions: { consumer: '$.consumer' },
  });
  return {
    lag: runbookAlarm(scope, 'Lag', {
      metric: new Metric({
        namespace: 'AWS/Lambda',
        metricName: 'OffsetLag',
        dimensionsMap: { FunctionName: given.function.functionName },
        statistic: 'Maximum',
        period,
      }),
      threshold: given.lag,
      periods: 3,
      says: `The Kafka consumer ${name} is behind: more than ${given.lag} records of a partition wait`,
      page: 'kafka-lag',
    }),
    held: runbookAlarm(scope, 'Held', {
      metric: new Metric({
        namespace: 'ExactlyOnce',
        metricName: 'held',
        dimensionsMap: { consumer: given.consumerName },
        statistic: 'Sum',
        period,
      }),
      threshold: 0,
      says: `The Kafka consumer ${name} holds a partition: its topic is another one than \`topicId\` says`,
      page: 'topic-recreated',
    }),
  };
}
