import {
  type Alarm,
  ComparisonOperator,
  type MathExpression,
  type Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { durationText } from '../guarantees/duration-text.js';
import { isKnown } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';

/** What makes an alarm one that somebody who has never heard of it can act upon at night. */
export interface RunbookAlarm {
  readonly metric: Metric | MathExpression;
  /** Goes off above it. */
  readonly threshold: number;
  /** Periods in a row that must be above it. @default 1 */
  readonly periods?: number;
  /** What is the matter, in one sentence without a full stop. */
  readonly says: string;
  /** Whether it goes off when nothing is measured. @default false */
  readonly missingIsBad?: boolean;
  /** Name of its page in docs/runbook, without the ending. */
  readonly page: string;
}

/**
 * An alarm whose description says what is the matter and where to read on.
 *
 * @throws InvalidProps for one that would have to look back further than CloudWatch does
 */
export function runbookAlarm(scope: Construct, id: string, alarm: RunbookAlarm): Alarm {
  const violations = lookBackViolations(id, alarm);
  if (violations.length > 0) throw new InvalidProps(scope.constructor.name, scope.node.path, violations);
  return alarm.metric.createAlarm(scope, id, {
    threshold: alarm.threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    evaluationPeriods: alarm.periods ?? 1,
    alarmDescription: `${alarm.says}. What to do: docs/runbook/${alarm.page}.md of the package exactly-once-aws`,
    // SQS sends no metrics for a queue that nobody has used for 6 hours, and a consumer logs nothing while nothing
    // arrives.
    treatMissingData:
      alarm.missingIsBad === true ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
  });
}

/**
 * How far CloudWatch looks back: a day with periods of less than an hour, else a week.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
function lookBackViolations(id: string, { metric: { period }, periods = 1 }: RunbookAlarm): Violation[] {
  if (!isKnown(period)) return [];
  const most = period.toSeconds() < 3_600 ? Duration.days(1) : Duration.days(7);
  const seconds = period.toSeconds() * periods;
  if (seconds <= most.toSeconds()) return [];
  return [
    {
      id: 'alarm-looks-back',
      given: `the alarm '${id}' looks back ${durationText(Duration.seconds(seconds))}`,
      allowed: `at most ${durationText(most)}, beyond which CloudWatch refuses it`,
      change: 'lower the time after which it goes off (`alarmAfter`, `parkedFor`), or how seldom is measured',
    },
  ];
}
