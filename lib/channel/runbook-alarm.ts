import {
  type Alarm,
  ComparisonOperator,
  type MathExpression,
  type Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

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

/** An alarm whose description says what is the matter and where to read on. */
export function runbookAlarm(scope: Construct, id: string, alarm: RunbookAlarm): Alarm {
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
