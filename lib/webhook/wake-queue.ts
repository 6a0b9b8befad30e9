import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/**
 * Wakes workers: by a message when there is something to do, and each minute. Its messages are hints, so it has no
 * dead letters: what is lost is made good by the next tick.
 *
 * @internal
 */
export class WakeQueue extends Construct {
  public readonly queue: Queue;

  constructor(
    scope: Construct,
    id: string,
    props: { readonly workerTimeout: Duration; readonly encryptionKey?: IKey },
  ) {
    super(scope, id);
    const { workerTimeout, encryptionKey } = props;
    this.queue = new Queue(this, 'Resource', {
      // Six times the function's timeout, as Lambda wants it.
      visibilityTimeout: Duration.seconds(6 * workerTimeout.toSeconds()),
      retentionPeriod: Duration.seconds(Math.max(3_600, 7 * workerTimeout.toSeconds())),
      enforceSSL: true,
      encryption: encryptionKey === undefined ? QueueEncryption.SQS_MANAGED : QueueEncryption.KMS,
      encryptionMasterKey: encryptionKey,
    });
    const reason = 'Its messages only say where to look. One that is lost is made good within a minute.';
    for (const rule of ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy'])
      Validations.of(this.queue).acknowledge({ id: rule, reason });
    this.tick();
  }

  private tick(): void {
    const role = new Role(this, 'TickRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    this.queue.grantSendMessages(role);
    new CfnSchedule(this, 'Tick', {
      scheduleExpression: 'rate(1 minute)',
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: this.queue.queueArn,
        roleArn: role.roleArn,
        input: JSON.stringify({ shards: 'all' }),
        // The next tick is never far.
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    });
  }
}
