import type { Duration } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';

/** What an API is watched by. */
export interface WatchedApi {
  /** Requests answered with 5xx, as a sum. */
  readonly serverErrors: Metric;
  /** Time from request to answer in milliseconds, the slowest hundredth. */
  readonly latency: Metric;
  readonly timeout: Duration;
}

/** The alarms of an API of either kind. API Gateway sends no metrics while nobody calls. */
export function apiAlarms(scope: Construct, { serverErrors, latency, timeout }: WatchedApi) {
  const slow = 0.8 * timeout.toMilliseconds();
  return {
    // A count: a rate needs metric math, which the local targets do not know.
    serverErrorAlarm: runbookAlarm(scope, 'ServerErrorAlarm', {
      metric: serverErrors,
      threshold: 5,
      says: 'Requests were answered with 5xx',
      page: 'api',
    }),
    latencyAlarm: runbookAlarm(scope, 'LatencyAlarm', {
      metric: latency,
      threshold: slow,
      says: `One request of a hundred takes more than ${slow} ms, and will soon take longer than the function may`,
      page: 'api',
    }),
  };
}
