import { Duration, Validations } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IEventSourceDlq } from 'aws-cdk-lib/aws-lambda';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { privateBucket } from '../channel/private-bucket.js';

/**
 * Where Lambda puts batches that the relay gave up: for a look at what was wrong, the events themselves are still in
 * the outbox.
 */
export function discardedBucket(scope: Construct, id: string, encryptionKey?: IKey): Bucket {
  const bucket = new Bucket(scope, id, {
    ...privateBucket(encryptionKey),
    lifecycleRules: [{ expiration: Duration.days(30) }],
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Copies of events that the outbox still has, put there by Lambda alone. Who reads them is in CloudTrail, where data events are on.',
  });
  return bucket;
}

/**
 * The bucket as destination of a mapping. Not CDK's `S3OnFailureDestination`: it lets the function read and delete
 * objects, too.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
export function discardedTo(bucket: IBucket, relay: IGrantable): IEventSourceDlq {
  Grant.addToPrincipal({ grantee: relay, actions: ['s3:ListBucket'], resourceArns: [bucket.bucketArn] });
  Grant.addToPrincipal({
    grantee: relay,
    actions: ['s3:PutObject'],
    resourceArns: [bucket.arnForObjects('aws/lambda/*')],
  });
  bucket.encryptionKey?.grantEncrypt(relay);
  return { bind: () => ({ destination: bucket.bucketArn }) };
}
