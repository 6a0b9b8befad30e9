import { type CfnElement, Duration, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/**
 * A bucket for answers that have no room in a receipt. They live a day longer than the window: S3 counts in whole
 * days.
 */
export function responseBucket(scope: Construct, window: Duration, key?: IKey): Bucket {
  const bucket = new Bucket(scope, 'Responses', {
    encryption: key === undefined ? BucketEncryption.S3_MANAGED : BucketEncryption.KMS,
    encryptionKey: key,
    // One data key for many objects: a call of KMS for each would be the dearest part of an answer.
    bucketKeyEnabled: key === undefined ? undefined : true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    lifecycleRules: [
      {
        expiration: Duration.days(Math.ceil(window.toDays({ integral: false })) + 1),
        abortIncompleteMultipartUploadAfter: Duration.days(1),
      },
    ],
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason: 'Only the function of the API reads and writes it, and the access logs of the API tell for whom.',
  });
  return bucket;
}

/** What the function needs: write and read objects. Nobody deletes one but the lifecycle. */
export function allowResponses(bucket: Bucket, role: Role): void {
  role.addToPolicy(
    new PolicyStatement({
      actions: ['s3:GetObject', 's3:PutObject'],
      resources: [bucket.arnForObjects('*')],
    }),
  );
  bucket.encryptionKey?.grantEncryptDecrypt(role);
  // Without it S3 answers 403 for an object that is not there, and a lost answer looks like a passing fault.
  role.addToPolicy(new PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }));
  const logicalId = Stack.of(bucket).getLogicalId(bucket.node.defaultChild as CfnElement);
  Validations.of(role).acknowledge({
    id: `AwsSolutions-IAM5[Resource::<${logicalId}.Arn>/*]`,
    reason: 'The bucket is for these objects alone, and their names are random.',
  });
}
