import type { S3Client } from '@aws-sdk/client-s3';
import { unlessMissing } from '../dedup/package-missing.js';
import type { ResponseStore } from './saved-response.js';

export interface S3ResponsesOptions {
  /**
   * Its objects must live longer than the window of the keys (IdempotentApi with `bigResponses` makes such a bucket).
   */
  readonly bucket: string;
  /** @default - a client of the function's own region, made when the first big response is met */
  readonly client?: S3Client;
}

/**
 * Keeps big responses in S3, which is strongly consistent: who reads the receipt finds the object. An object whose
 * attempt did not commit is read by nobody, and goes with the bucket's lifecycle.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
 */
export function s3Responses({ bucket, client: given }: S3ResponsesOptions): ResponseStore {
  let client = given;
  const s3 = async () => {
    const sdk = await import('@aws-sdk/client-s3').catch(
      unlessMissing('@aws-sdk/client-s3', 'a response that is kept in S3'),
    );
    client ??= new sdk.S3Client({});
    return { client, ...sdk };
  };
  return {
    async put(name, body, abortSignal) {
      const { client, PutObjectCommand } = await s3();
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body: body }), { abortSignal });
    },
    async get(name, abortSignal) {
      const { client, GetObjectCommand, NoSuchKey } = await s3();
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: name }), {
          abortSignal,
        });
        return await Body?.transformToByteArray();
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
  };
}
