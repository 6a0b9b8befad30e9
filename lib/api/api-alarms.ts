import type { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

/** What an API is watched by. */
export interface WatchedApi {
  /** Requests answered with 5xx, as a sum. */
  readonly serverErrors: IMetric;
  /** Time from request to answer in milliseconds, the slowest hundredth. */
  readonly latency: IMetric;
  readonly timeout: Duration;
}

/** The alarms of an API of either kind. */
export function apiAlarms(scope: Construct, { serverErrors, latency, timeout }: WatchedApi) {
  return {
    // A count: a rate needs metric math, which the local targets do not know.
    serverErrorAlarm: above(scope, 'ServerErrorAlarm', serverErrors, 5),
    latencyAlarm: above(scope, 'LatencyAlarm', latency, 0.8 * timeout.toMilliseconds()),
  };
}

function above(scope: Construct, id: string, metric: IMetric, threshold: number): Alarm {
  return new Alarm(scope, id, {
    metric,
    threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    evaluationPeriods: 1,
    // API Gateway sends no metrics while nobody calls.
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
}
