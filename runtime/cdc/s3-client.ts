import type * as Sdk from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { backoff } from '../dedup/backoff.js';
import { unlessMissing } from '../dedup/package-missing.js';

/** How long S3 may be busy with somebody else's write of the same name. */
const conflictMs = 10_000;

export interface NewObject {
  readonly bucket: string;
  readonly name: string;
  readonly body: Uint8Array;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly contentEncoding?: string;
}

export interface LoadedS3 {
  readonly client: S3Client;
  readonly sdk: typeof Sdk;
}

/** The commands of S3, loaded when the first is needed. */
export class LazyS3 {
  #client: S3Client | undefined;

  constructor(client: S3Client | undefined) {
    this.#client = client;
  }

  async load(): Promise<LoadedS3> {
    const sdk = await import('@aws-sdk/client-s3').catch(
      unlessMissing('@aws-sdk/client-s3', 'a sink that writes to S3'),
    );
    const client = (this.#client ??= new sdk.S3Client({}));
    return { client, sdk };
  }

  /**
   * Puts an object if there is none of its name. Two that put at once may both be told to try again (409).
   *
   * @returns false when there was one: of somebody else, or of ours, whose answer was lost.
   * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
   */
  async putNew({ bucket, name, body, metadata, contentType, contentEncoding }: NewObject): Promise<boolean> {
    const { client, sdk } = await this.load();
    const { PutObjectCommand } = sdk;
    const command = () =>
      new PutObjectCommand({
        Bucket: bucket,
        Key: name,
        Body: body,
        Metadata: metadata && { ...metadata },
        IfNoneMatch: '*',
        ContentType: contentType,
        ContentEncoding: contentEncoding,
      });
    const deadline = Date.now() + conflictMs;
    for (let attempt = 0; ; attempt += 1)
      try {
        await client.send(command());
        return true;
      } catch (error) {
        const status = statusOf(error);
        if (status === 412) return false;
        if (status !== 409 || Date.now() >= deadline) throw error;
        await backoff(attempt, deadline);
      }
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
