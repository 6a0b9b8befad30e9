import { Duration } from 'aws-cdk-lib';
import { type Alarm, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { FargateService } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import { runbookAlarm } from '../channel/runbook-alarm.js';

/**
 * Goes off when for 15 minutes no task of a service runs: each that runs gives a sample of its CPU every minute,
 * without Container Insights. A service that was told to run none is down, too.
 *
 * @param says what stands still meanwhile, without a full stop
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html
 */
export function serviceDownAlarm(scope: Construct, service: FargateService, says: string): Alarm {
  const period = Duration.minutes(5);
  return runbookAlarm(scope, 'Down', {
    metric: new MathExpression({
      expression: 'IF(FILL(samples, 0) < 1, 1, 0)',
      usingMetrics: { samples: service.metric('CPUUtilization', { statistic: 'SampleCount', period }) },
      label: 'no task runs',
      period,
    }),
    threshold: 0,
    periods: 3,
    says,
    // Of a service that has never run there is nothing to fill.
    missingIsBad: true,
    page: 'services-down',
  });
}
