import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';

/**
 * A line per request. It says nothing of who calls: API Gateway can write a caller's ARN and address, and hash
 * neither (R59). `invocation` is the id of the invocation in the function's log, where the hash of the key is.
 *
 * @param route what the kind of API calls a route by
 * @param withCallers write the ARN and the address all the same
 */
export function accessLogFormat(route: string, withCallers = false): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      requestId: '$context.requestId',
      invocation: '$context.integration.requestId',
      time: '$context.requestTimeEpoch',
      ...(withCallers ? { caller: '$context.identity.userArn', sourceIp: '$context.identity.sourceIp' } : {}),
      route,
      status: '$context.status',
      latency: '$context.responseLatency',
      error: '$context.integrationErrorMessage',
    }),
  );
}
