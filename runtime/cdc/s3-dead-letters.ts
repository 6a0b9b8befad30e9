import type { S3Client } from '@aws-sdk/client-s3';
import { errorText } from '../dedup/error.js';
import type { DeadLetters } from './dead-letters.js';
import { SinkUnavailable } from './errors.js';
import { LazyS3 } from './s3-client.js';
import { folderOf, offsetText } from './s3-names.js';

export interface S3DeadLettersOptions {
  readonly bucket: string;
  /** Not one that a sink writes to. @default dead-letters/ */
  readonly prefix?: string;
  /** @default - a client of the process's own region */
  readonly client?: S3Client;
}

/**
 * Keeps records that can never be written as objects named by topic id, partition and offset: one letter for each
 * record, however often it is sent. It holds the record as it came (base64), and the reason.
 */
export function s3DeadLetters({
  bucket,
  prefix = 'dead-letters/',
  client,
}: S3DeadLettersOptions): DeadLetters {
  const s3 = new LazyS3(client);
  return {
    async send({ error, record }) {
      const { partition, offset, reason, name, message } = error;
      const letter = {
        ...partition,
        offset: String(offset),
        reason,
        error: `${name}: ${message}`,
        key: base64(record.key),
        value: base64(record.value),
      };
      try {
        await s3.putNew({
          bucket,
          name: `${folderOf(prefix, partition)}${offsetText(offset)}.json`,
          body: Buffer.from(JSON.stringify(letter)),
          contentType: 'application/json',
        });
      } catch (cause) {
        throw new SinkUnavailable('dead letters', `cannot put into bucket '${bucket}': ${errorText(cause)}`, {
          cause,
        });
      }
    },
  };
}

function base64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('base64');
}
