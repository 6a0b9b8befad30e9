import { type HttpApi, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { accessLogFormat } from './api-logs.js';
import type { KeyedApiProps } from './idempotent-api-props.js';
import { throttle } from './throttle.js';

/** The stage of an HTTP API: throttled, and a line per request in its access logs. */
export function httpStage(
  scope: Construct,
  httpApi: HttpApi,
  accessLogs: LogGroup,
  props: Pick<KeyedApiProps, 'rateLimit' | 'burstLimit' | 'callersInAccessLogs'>,
): HttpStage {
  return new HttpStage(scope, 'Stage', {
    httpApi,
    stageName: '$default',
    autoDeploy: true,
    throttle: throttle(props),
    accessLogSettings: {
      destination: new LogGroupLogDestination(accessLogs),
      format: accessLogFormat('$context.routeKey', props.callersInAccessLogs),
    },
  });
}
