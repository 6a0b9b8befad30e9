import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { embedded } from '../fixtures/embedded.js';
import type { Held } from './sink-contract.js';

/** A client of the run's emulator. */
export function s3(options: { maxAttempts?: number } = {}): S3Client {
  return new S3Client({ ...embedded().client, forcePathStyle: true, ...options });
}

export async function newBucket(client: S3Client): Promise<string> {
  const Bucket = `lake-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

export async function namesIn(client: S3Client, Bucket: string): Promise<string[]> {
  const names: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket, ContinuationToken }));
    names.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return names;
}

/** Every line of a bucket, as somebody reads it who knows nothing of the sink: a plain listing. */
export async function linesIn(client: S3Client, Bucket: string): Promise<string[]> {
  const lines: string[] = [];
  for (const Key of await namesIn(client, Bucket)) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
    lines.push(...gunzipSync(bytes).toString().split('\n').slice(0, -1));
  }
  return lines;
}

export async function emptied(client: S3Client, Bucket: string): Promise<void> {
  for (const Key of await namesIn(client, Bucket))
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
}

export function heldIn(lines: readonly string[]): Held[] {
  return lines.map((line) => {
    const { op, before, after } = JSON.parse(line) as {
      readonly op: string;
      readonly before: { readonly id: string };
      readonly after: { readonly id: string; readonly v: string };
    };
    return op === 'd' ? { id: before.id, v: 'deleted' } : after;
  });
}
