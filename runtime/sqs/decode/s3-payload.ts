import type { S3Client } from '@aws-sdk/client-s3';
import { DependencyFailed, RejectMessage } from '../../dedup/errors.js';
import { parseJson } from '../../dedup/exact-json.js';
import { PackageMissing, unlessMissing } from '../../dedup/package-missing.js';
import type { Decode } from '../../consumer/decode/decode.js';
import { asObject } from './envelope.js';
import { defaultMaxBytes, TooLargeToDecode } from './too-large.js';

export interface S3PayloadOptions {
  /** @default - a client of the function's own region, made when the first pointer is met */
  readonly client?: S3Client;
  /** Buckets that a pointer may name. @default - all that the function may read */
  readonly buckets?: readonly string[];
  /** What a payload may have, in bytes. @default 16 MiB */
  readonly maxBytes?: number;
}

/**
 * Fetches what a producer with AWS's extended client put into S3, because it was too large for SQS. The body is then
 * only a pointer; a producer that sends again stores the payload under another name, so a fingerprint of the pointer
 * would take the copy for another payload. A body that is no pointer is given on as it is.
 *
 * An object that is not there: the message is rejected. Without `s3:ListBucket` S3 calls that "access denied", and
 * then, as whenever S3 fails otherwise, the message comes again without counting as failed. The object is not
 * deleted, unlike by AWS's client: a copy of the message would not find it. Give the bucket a lifecycle rule that is
 * longer than messages can come back.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-s3-messages.html
 */
export function s3Payload(options: S3PayloadOptions = {}): Decode {
  const { buckets, maxBytes = defaultMaxBytes } = options;
  let { client } = options;
  return async (text, { signal }) => {
    const pointer = pointerIn(text);
    if (pointer === undefined) return text;
    const { bucket: Bucket, key: Key } = pointer;
    if (buckets?.includes(Bucket) === false)
      throw new RejectMessage('the payload is in a bucket that is not one of `buckets`');
    try {
      const { GetObjectCommand, S3Client } = await import('@aws-sdk/client-s3').catch(
        unlessMissing('@aws-sdk/client-s3', 's3Payload'),
      );
      client ??= new S3Client({});
      const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand({ Bucket, Key }), {
        abortSignal: signal,
      });
      if (ContentLength > maxBytes) {
        // Else its connection stays taken.
        (Body as { destroy?: () => void } | undefined)?.destroy?.();
        throw new TooLargeToDecode(maxBytes);
      }
      return (await Body?.transformToByteArray()) ?? '';
    } catch (cause) {
      if (cause instanceof RejectMessage || cause instanceof PackageMissing) throw cause;
      const name = cause instanceof Error ? cause.name : 'no error';
      if (missing.has(name)) throw new RejectMessage(`the payload is not in S3: ${name}`, { cause });
      throw new DependencyFailed(`the payload could not be read from S3: ${name}`, { cause });
    }
  };
}

/** A bucket that does not exist would else keep its message coming until the queue drops it. */
const missing: ReadonlySet<string> = new Set(['NoSuchKey', 'NoSuchBucket']);

/** What the extended clients of AWS call the class that they have written down. */
const pointerClasses: ReadonlySet<unknown> = new Set([
  'software.amazon.payloadoffloading.PayloadS3Pointer',
  'com.amazon.sqs.javamessaging.MessageS3Pointer',
]);

function pointerIn(text: string): { readonly bucket: string; readonly key: string } | undefined {
  if (!text.includes('S3Pointer"')) return undefined;
  let pair: unknown;
  try {
    pair = parseJson(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(pair) || pair.length !== 2 || !pointerClasses.has(pair[0])) return undefined;
  const { s3BucketName: bucket, s3Key: key } = asObject(pair[1]) ?? {};
  return typeof bucket === 'string' && typeof key === 'string' ? { bucket, key } : undefined;
}
