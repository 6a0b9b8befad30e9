import { createHash } from 'node:crypto';
import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { S3Client } from '@aws-sdk/client-s3';

export interface ClaimCheckOptions {
  readonly bucket: string;
  /** Before the name of each object. @default - nothing */
  readonly prefix?: string;
  /**
   * Bytes of body and attributes from which the body goes to S3. SQS takes 1,048,576 and bills each 65,536 as a
   * request.
   *
   * @default 262,144, as AWS's extended clients
   */
  readonly aboveBytes?: number;
  /** @default - a client of the function's own region, made when the first body is too large */
  readonly client?: S3Client;
}

export const defaultAboveBytes = 262_144;

/** What the extended clients write beside a pointer: the bytes of the payload. */
const sizeAttribute = 'ExtendedPayloadSize';
const pointerClass = 'software.amazon.payloadoffloading.PayloadS3Pointer';

/** A body in S3, and what is sent in its place. */
export interface ClaimCheck {
  readonly body: string;
  readonly attributes: Record<string, MessageAttributeValue>;
  store(signal: AbortSignal): Promise<void>;
}

/**
 * The pointer that AWS's extended clients for Java and Python read, and `s3Payload` of this package.
 *
 * The object is named by the SHA-256 of the body: a send that is repeated names the same one, so that the body which
 * arrives is the same, too. It is always written, also where it is there already, because its lifecycle counts from
 * the last write, and an old object must not end before a new message. No consumer of ours deletes it; AWS's Java
 * client does unless it is told not to, and then a copy, a redrive or a second consumer finds nothing.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-managing-large-messages.html
 */
export function claimCheck(body: string, { bucket, prefix = '', client }: ClaimCheckOptions): ClaimCheck {
  const Key = `${prefix}${createHash('sha256').update(body).digest('hex')}`;
  return {
    body: JSON.stringify([pointerClass, { s3BucketName: bucket, s3Key: Key }]),
    attributes: { [sizeAttribute]: { DataType: 'Number', StringValue: String(Buffer.byteLength(body)) } },
    async store(abortSignal) {
      const { PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
      const s3 = client ?? new S3Client({});
      try {
        await s3.send(
          new PutObjectCommand({ Bucket: bucket, Key, Body: body, ContentType: 'application/json' }),
          { abortSignal },
        );
      } finally {
        if (client === undefined) s3.destroy();
      }
    },
  };
}
