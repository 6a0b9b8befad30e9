import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventInvokeConfig, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import type { Construct } from 'constructs';

/** Longest that Lambda keeps a call: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html */
const maxAge = Duration.hours(6);

/**
 * Calls the relay's function to sweep. Not CDK's `LambdaInvoke`: it lets the schedule call every version of the
 * function, too.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role
 */
export function sweepSchedule(scope: Construct, id: string, relay: IFunction, every: Duration): CfnSchedule {
  const role = new Role(scope, `${id}Role`, {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  });
  role.addToPolicy(
    new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [relay.functionArn] }),
  );
  // A schedule only hands the call over: Lambda keeps it in a queue, and would try it twice more, for hours. The next
  // sweep is near, and two at once help nobody.
  const invocation = new EventInvokeConfig(scope, `${id}Invocation`, {
    function: relay,
    retryAttempts: 0,
    maxEventAge: every.toSeconds() > maxAge.toSeconds() ? maxAge : every,
  });
  Validations.of(invocation).acknowledge({
    id: 'Serverless-LambdaAsyncFailureDestination',
    reason:
      'A sweep that failed has nothing to keep: the next one finds the same, and an alarm goes off when none tells.',
  });
  const minutes = every.toMinutes();
  return new CfnSchedule(scope, id, {
    scheduleExpression: `rate(${minutes} minute${minutes === 1 ? '' : 's'})`,
    flexibleTimeWindow: { mode: 'OFF' },
    target: {
      arn: relay.functionArn,
      roleArn: role.roleArn,
      input: '{}',
      // The next sweep is never far.
      retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
    },
  });
}
