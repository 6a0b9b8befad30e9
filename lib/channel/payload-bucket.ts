import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { privateBucket } from './private-bucket.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { horizon } from '../guarantees/horizon.js';
import { durationText } from '../guarantees/duration-text.js';
import { atLeast, isKnown, violationsOf } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import type { Unproven } from '../guarantees/unproven.js';
import { tokenDuration } from '../guarantees/token-duration.js';
import type { IMessageChannel } from './channel-base.js';

export interface PayloadBucketProps {
  /** The channel whose bodies are kept here. Its retentions say how long a message can come back. */
  readonly channel: IMessageChannel;

  /**
   * How long a producer may send one message again after its first try.
   *
   * @default Duration.days(14)
   */
  readonly producerRetryHorizon?: Duration;

  /**
   * How often one message may be sent back from the dead-letter queue.
   *
   * @default 3
   */
  readonly maxRedrives?: number;

  /**
   * How long a body is kept after it was last sent.
   *
   * @default - the horizon of the channel, and a day. Must be given where that is known at deployment only
   */
  readonly retention?: Duration;

  /**
   * Customer managed key.
   *
   * @default - keys that S3 manages
   */
  readonly encryptionKey?: IKey;
}

/**
 * A bucket for bodies that are too large for a queue: the message is then a pointer that AWS's extended clients for
 * Java and Python read, and `s3Payload` of this package.
 *
 * Guarantees: a body is there for as long as its message can come back. No consumer deletes one; a lifecycle rule
 * does, counted from the last send. What breaks it: a consumer with AWS's Java client that deletes payloads, which is
 * its default.
 *
 * @throws InvalidProps when bodies would end before their messages
 */
export class PayloadBucket extends Construct {
  public readonly bucket: Bucket;
  public readonly retention: Duration;

  constructor(scope: Construct, id: string, props: PayloadBucketProps) {
    super(scope, id);
    const { channel, producerRetryHorizon = Duration.days(14), maxRedrives = 3, encryptionKey } = props;
    const { retention: queueRetention, deadLetterRetention } = channel;
    const times = { producerRetryHorizon, maxRedrives, queueRetention, deadLetterRetention };
    const longest = Object.values(times).every(isKnown) ? horizon(times) : undefined;
    const retention = props.retention ?? longest?.plus(Duration.days(1));
    const inequality =
      retention &&
      longest &&
      atLeast(
        {
          id: 'payload-outlives-its-message',
          prevents: 'a message comes back and its body is gone (lost)',
          change: 'raise `retention`, or lower the retentions of the channel',
        },
        { name: 'retention', value: retention },
        { name: horizonName(channel), value: longest },
      );
    const inequalities = inequality === undefined ? [] : [inequality];
    const violations = [...violationsOf(inequalities), ...unknownRetention(retention)];
    if (retention === undefined || violations.length > 0)
      throw new InvalidProps('PayloadBucket', this.node.path, violations);
    this.retention = retention;
    this.bucket = new Bucket(this, 'Resource', {
      ...privateBucket(encryptionKey),
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        {
          // S3 counts in whole days.
          expiration: Duration.days(Math.ceil(this.retention.toDays({ integral: false }))),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Producers and consumers of one channel alone read and write it; data events of CloudTrail tell who.',
    });
    GuaranteeReport.record('PayloadBucket', this, {
      inequalities,
      unproven: longest === undefined ? [unprovenRetention(retention, channel)] : [],
    });
  }

  /** For producers: put bodies. */
  public grantWrite(grantee: IGrantable): Grant {
    this.bucket.encryptionKey?.grantEncryptDecrypt(grantee);
    return Grant.addToPrincipal({
      grantee,
      actions: ['s3:PutObject'],
      resourceArns: [this.bucket.arnForObjects('*')],
    });
  }

  /** For consumers: get bodies. Listing is allowed, so that one that is not there is no denied access. */
  public grantRead(grantee: IGrantable): Grant {
    this.bucket.encryptionKey?.grantDecrypt(grantee);
    return Grant.addToPrincipal({
      grantee,
      actions: ['s3:GetObject'],
      resourceArns: [this.bucket.arnForObjects('*')],
    }).combine(
      Grant.addToPrincipal({ grantee, actions: ['s3:ListBucket'], resourceArns: [this.bucket.bucketArn] }),
    );
  }
}

function horizonName(channel: IMessageChannel): string {
  return `horizon of '${channel.node.path}'`;
}

/** The lifecycle rule counts in whole days, which are made of it. */
function unknownRetention(retention: Duration | undefined): Violation[] {
  const problem =
    retention === undefined
      ? {
          id: 'known-at-synth',
          given: 'retention is left to a horizon that depends on a token',
          allowed: 'known at synth',
          change: 'give `retention` as a plain Duration',
        }
      : tokenDuration('retention', retention);
  return problem === undefined ? [] : [problem];
}

function unprovenRetention(retention: Duration, channel: IMessageChannel): Unproven {
  return {
    id: 'payload-outlives-its-message',
    required: `the ${horizonName(channel)}, which is known at deployment only, is at most ${durationText(retention)}`,
    check:
      'producerRetryHorizon + (1 + maxRedrives) x (retention + deadLetterRetention) with what is deployed',
  };
}
