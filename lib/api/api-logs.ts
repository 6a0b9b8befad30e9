import { Annotations, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** A log group for the access logs of an API. */
export function accessLogs(
  scope: Construct,
  { logRetention, encryptionKey }: { readonly logRetention?: RetentionDays; readonly encryptionKey?: IKey },
): LogGroup {
  if (encryptionKey !== undefined) allowLogs(scope, encryptionKey);
  return new LogGroup(scope, 'AccessLogs', {
    retention: logRetention ?? RetentionDays.ONE_MONTH,
    encryptionKey,
  });
}

/** A line per request. @param route what the kind of API calls a route by */
export function accessLogFormat(route: string): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      requestId: '$context.requestId',
      time: '$context.requestTimeEpoch',
      caller: '$context.identity.userArn',
      sourceIp: '$context.identity.sourceIp',
      route,
      status: '$context.status',
      latency: '$context.responseLatency',
      error: '$context.integrationErrorMessage',
    }),
  );
}

/**
 * CloudWatch Logs encrypts with the key by itself, so the key's policy has to let it.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
 */
function allowLogs(scope: Construct, key: IKey): void {
  const { region, account, partition } = Stack.of(scope);
  const { statementAdded } = key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal(`logs.${region}.amazonaws.com`)],
      actions: ['kms:Encrypt*', 'kms:Decrypt*', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
      resources: ['*'],
      conditions: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*`,
        },
      },
    }),
  );
  if (!statementAdded)
    Annotations.of(scope).addWarningV2(
      'exactly-once-aws:api-key-policy',
      'the policy of `encryptionKey` cannot be changed here; let CloudWatch Logs use the key, or the log group cannot be made',
    );
}
