import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { S3Client } from '@aws-sdk/client-s3';
import { errorText } from '../dedup/error.js';
import type { Change } from './change.js';
import { RowTooLarge, SinkUnavailable } from './errors.js';
import { lastObject } from './last-object.js';
import { linesOf } from './lines.js';
import { storedPosition } from './position.js';
import { LazyS3 } from './s3-client.js';
import { objectName } from './s3-names.js';
import type { Batch, Sink, SinkState } from './sink.js';
import type { TopicPartition } from './source.js';

export interface S3SinkOptions {
  /** For errors; objects are named by topic and partition. Two sinks on one prefix are one sink. */
  readonly name: string;
  readonly bucket: string;
  /** Before the names of the objects, such as `payments/`. @default - none */
  readonly prefix?: string;
  /**
   * The line of a change, as JSON without a line break.
   *
   * @default - the record's value as it came
   */
  readonly line?: (change: Change) => string;
  /** The value of a record may have so many bytes. @default 16 MiB */
  readonly maxLineBytes?: number;
  /** Of gzip, 1 to 9. @default 1: the fastest */
  readonly level?: number;
  /** @default - a client of the process's own region */
  readonly client?: S3Client;
}

const defaultMaxLineBytes = 16 * 1024 * 1024;

/**
 * Writes JSON lines, compressed, into a bucket: an object for each batch. An object is put only if there is none of
 * its name, and its metadata say where it ends; who comes too late reads on from there. A plain listing of the prefix
 * is exact at any moment: no manifest, no temporary object, nothing to be cleaned up.
 *
 * That objects are never replaced is also the bucket's to say (`LakeBucket`): old code that puts without the
 * condition is refused. Do not expire or move objects of a partition that is still written: the last one is where
 * the sink stands.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function s3Sink(options: S3SinkOptions): Sink {
  return new S3Sink(options);
}

const compress = promisify(gzip);

class S3Sink implements Sink {
  readonly name: string;
  readonly #s3: LazyS3;
  readonly #options: S3SinkOptions;

  constructor(options: S3SinkOptions) {
    this.#options = options;
    this.name = options.name;
    this.#s3 = new LazyS3(options.client);
  }

  async open(partition: TopicPartition): Promise<SinkState> {
    const { bucket, prefix = '' } = this.#options;
    return this.#asking(async () => {
      const last = await lastObject(await this.#s3.load(), { bucket, prefix, partition });
      return last === undefined ? { next: 0n } : this.#endOf(last);
    });
  }

  check(change: Change): void {
    const { partition, offset, record } = change;
    const { value } = record;
    const { line, maxLineBytes = defaultMaxLineBytes } = this.#options;
    const bytes = value?.byteLength ?? 0;
    if (bytes > maxLineBytes)
      throw new RowTooLarge(partition, offset, `has ${bytes} bytes, \`maxLineBytes\` allows ${maxLineBytes}`);
    // A row that cannot be read is found here, where it is known whose it is.
    if (line !== undefined) assertReadable(change);
  }

  async write({ partition, from, to, changes }: Batch): Promise<SinkState> {
    const { bucket, prefix = '', line, level = 1 } = this.#options;
    const name = objectName(prefix, partition, from.next);
    const body = await compress(linesOf(changes, line), { level });
    const metadata = {
      next: String(to.next),
      rows: String(changes.length),
      ...(to.position !== undefined && { position: to.position }),
    };
    return this.#asking(async () => {
      const isNew = await this.#s3.putNew({
        bucket,
        name,
        body,
        metadata,
        contentType: 'application/x-ndjson',
        contentEncoding: 'gzip',
      });
      return isNew ? to : this.#endOf(name);
    });
  }

  /** Where the sink stands after an object. */
  async #endOf(Key: string): Promise<SinkState> {
    const { client, sdk } = await this.#s3.load();
    const { Metadata = {} } = await client.send(
      new sdk.HeadObjectCommand({ Bucket: this.#options.bucket, Key }),
    );
    const { next, position } = Metadata;
    if (next === undefined)
      throw new SinkUnavailable(this.name, `has an object '${Key}' whose metadata do not say where it ends`);
    return position === undefined
      ? { next: BigInt(next) }
      : { next: BigInt(next), position: storedPosition(position) };
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      if (cause instanceof SinkUnavailable) throw cause;
      const { bucket } = this.#options;
      throw new SinkUnavailable(this.name, `cannot use bucket '${bucket}': ${errorText(cause)}`, { cause });
    }
  }
}

/** @throws RecordRefused by the getters of a change whose numbers cannot be kept. */
function assertReadable({ row, key }: Change): readonly unknown[] {
  return [row, key];
}
