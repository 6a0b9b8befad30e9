import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, Grant, type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { privateBucket } from '../channel/private-bucket.js';

export interface LakeBucketProps {
  /**
   * Customer managed key.
   *
   * @default - keys that S3 manages
   */
  readonly encryptionKey?: IKey;

  /**
   * Name of the bucket.
   *
   * @default - one that CloudFormation makes
   */
  readonly bucketName?: string;
}

/** Where readers of Iceberg begin to look. It is overwritten with each commit, and nothing is decided by it. */
const hints = '*/metadata/version-hint.text';

/**
 * A bucket for what `s3Sink` and `icebergSink` write. Its policy refuses every put without `If-None-Match`: old code,
 * or a process that was frozen, cannot replace an object, whatever its role may do. Excepted is the version hint of a
 * table of Iceberg, which every reader goes on from to the last version.
 *
 * No object expires by itself: the last one of a partition is where the sink stands. What somebody deleted can be
 * brought back for 30 days. Copies into the bucket are
 * refused, too, because S3 copies without the condition.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
 */
export class LakeBucket extends Construct {
  public readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: LakeBucketProps = {}) {
    super(scope, id);
    const { encryptionKey, bucketName } = props;
    this.bucket = new Bucket(this, 'Resource', {
      bucketName,
      ...privateBucket(encryptionKey),
      // Nothing but the hint is overwritten; a version is what is left of an object that somebody deleted.
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(30), expiredObjectDeleteMarker: true }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'OnlyNewObjects',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        notResources: [this.bucket.arnForObjects(hints)],
        conditions: {
          Null: { 's3:if-none-match': 'true' },
          // The parts of a multipart upload take no condition; its completion does.
          Bool: { 's3:ObjectCreationOperation': 'true' },
        },
      }),
    );
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'One sink writes it, and objects are never replaced; data events of CloudTrail tell who reads.',
    });
  }

  /** For sinks: put objects, read their metadata, and list them. Not delete. */
  public grantSink(grantee: IGrantable): Grant {
    this.bucket.encryptionKey?.grantEncryptDecrypt(grantee);
    return this.allow(grantee, ['s3:PutObject', 's3:GetObject']);
  }

  /** For `icebergCleanup`: as a sink, and delete data, manifests and lists. No metadata, and nothing of `s3Sink`. */
  public grantCleanup(grantee: IGrantable): Grant {
    const files = ['*/data/*.parquet', '*/metadata/*.avro'];
    for (const pattern of files) this.acknowledge(grantee, pattern);
    return this.grantSink(grantee).combine(
      Grant.addToPrincipal({
        grantee,
        actions: ['s3:DeleteObject'],
        resourceArns: files.map((pattern) => this.bucket.arnForObjects(pattern)),
      }),
    );
  }

  /** For readers and auditors. */
  public grantRead(grantee: IGrantable): Grant {
    this.bucket.encryptionKey?.grantDecrypt(grantee);
    return this.allow(grantee, ['s3:GetObject']);
  }

  private allow(grantee: IGrantable, actions: string[]): Grant {
    this.acknowledge(grantee, '*');
    return Grant.addToPrincipal({
      grantee,
      actions,
      resourceArns: [this.bucket.arnForObjects('*')],
    }).combine(
      Grant.addToPrincipal({ grantee, actions: ['s3:ListBucket'], resourceArns: [this.bucket.bucketArn] }),
    );
  }
  /** cdk-nag names a finding by the resource as the template refers to it. */
  private acknowledge({ grantPrincipal }: IGrantable, pattern: string): void {
    const bucket = this.bucket.node.defaultChild;
    if (!Construct.isConstruct(grantPrincipal) || !CfnBucket.isCfnBucket(bucket)) return;
    Validations.of(grantPrincipal).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${Stack.of(this).getLogicalId(bucket)}.Arn>/${pattern}]`,
      reason: 'The bucket is for these objects alone, which are named by topic, partition and offset.',
    });
  }
}
