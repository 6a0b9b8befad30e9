import { Annotations, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/**
 * A log group as every one of this package is made: with an end to how long it keeps, and with a key of the user's
 * where there is one. @param logRetention default a month
 */
export function logGroup(
  scope: Construct,
  id: string,
  { logRetention, encryptionKey }: { readonly logRetention?: RetentionDays; readonly encryptionKey?: IKey },
): LogGroup {
  if (encryptionKey !== undefined) allowLogs(scope, encryptionKey);
  return new LogGroup(scope, id, { retention: logRetention ?? RetentionDays.ONE_MONTH, encryptionKey });
}

/**
 * CloudWatch Logs encrypts with the key by itself, so the key's policy has to let it: for the log groups of this
 * account, because a policy that named the one which is made with the key could not be made before it.
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
      'exactly-once-aws:log-key-policy',
      'the policy of `encryptionKey` cannot be changed here; let CloudWatch Logs use the key, or the log group cannot be made',
    );
}
