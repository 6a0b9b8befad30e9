import type { S3Client } from '@aws-sdk/client-s3';
import type * as Avro from 'avsc';
import { parseJson } from '../../dedup/exact-json.js';
import { unlessMissing } from '../../dedup/package-missing.js';
import { LazyS3 } from '../s3-client.js';
import { assertColumns, rowText, type AuditedColumns } from './row-text.js';
import type { AuditSide } from './side.js';

export interface IcebergSideOptions extends AuditedColumns {
  readonly bucket: string;
  /** Of the table, such as `lake/payments/`. */
  readonly prefix: string;
  /**
   * `state`: the row of each key with the highest offset of its partition, of the topic that was written last where
   * one was made anew; a large value that an update left as it was is the one before it. `changes`: every row of the
   * table is a row, and the same change twice is doubled.
   *
   * @default state
   */
  readonly as?: 'state' | 'changes';
  /** Of all topics whose changes the table holds. @default - those of every topic */
  readonly topic?: string;
  /** Of one incarnation of a topic that was made anew. @default - those of every one */
  readonly topicId?: string;
  /** Whose lowest and highest are compared: of `changes` also `position`, as `logSide` has it. @default key */
  readonly place?: 'key' | 'position';
  /** @default - a client of the process's own region */
  readonly client?: S3Client;
}

interface Stored {
  readonly _op: string;
  readonly _key: string;
  readonly _row: string | null;
  readonly _topic: string;
  readonly _topic_id: string;
  readonly _partition: bigint;
  readonly _offset: bigint;
  readonly _position: string | null;
}

const ops: Readonly<Record<string, string>> = { insert: 'c', update: 'u', read: 'r', delete: 'd' };

/**
 * What the current snapshot of a table of Iceberg holds, read from its Parquet files as any reader finds them. The
 * table is one of the file catalogue, appended to by `icebergSink`. As a state it holds all rows in memory. It needs
 * `hyparquet` (which comes with `hyparquet-writer`) and `avsc`, which who uses it installs.
 */
export function icebergSide(options: IcebergSideOptions): AuditSide {
  assertColumns(options);
  const { bucket, prefix, as = 'state', partition, place = 'key', topic, topicId: only } = options;
  const table = new Table(new LazyS3(options.client), bucket, prefix.replace(/\/$/, ''));
  return {
    name: `iceberg ${bucket}/${prefix}`,
    async *rows() {
      const state = new Map<string, Latest>();
      for await (const stored of table.rows()) {
        if (topic !== undefined && stored._topic !== topic) continue;
        if (only !== undefined && stored._topic_id !== only) continue;
        const key = parseJson(stored._key) as Columns;
        const row = stored._row === null ? key : (parseJson(stored._row) as Columns);
        const found = { partition, ...rowText(options, row) };
        if (as === 'changes') {
          const at = place === 'position' ? { at: stored._position ?? '' } : {};
          yield { ...found, text: `${ops[stored._op] ?? stored._op}${found.text}`, ...at };
          continue;
        }
        const known = state.get(found.key);
        const { _topic_id: topicId, _offset: offset } = stored;
        // Files are read in the order of their commits.
        if (known?.topicId === topicId && known.offset > offset) continue;
        // Columns that did not come, because their large value was left as it was, are not in the row.
        const image = stored._op === 'update' ? { ...known?.row, ...row } : row;
        state.set(found.key, { topicId, offset, row: stored._op === 'delete' ? undefined : image });
      }
      for (const { row } of state.values())
        if (row !== undefined) yield { partition, ...rowText(options, row) };
    },
  };
}

interface Latest {
  readonly topicId: string;
  readonly offset: bigint;
  /** Undefined: it was deleted. */
  readonly row: Columns | undefined;
}

type Columns = Readonly<Record<string, unknown>>;

interface Metadata {
  readonly 'current-snapshot-id'?: number;
  readonly snapshots: readonly { readonly 'snapshot-id': number; readonly 'manifest-list': string }[];
}

/** Reads by the specification's own names; it shares nothing with the sink. */
class Table {
  readonly #s3: LazyS3;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(s3: LazyS3, bucket: string, prefix: string) {
    this.#s3 = s3;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  async *rows(): AsyncGenerator<Stored> {
    // Comes with `hyparquet-writer`. Not a literal, so that bundlers do not ask for it.
    const name: string = 'hyparquet';
    const parquet = (await import(name).catch(unlessMissing(name, feature))) as Parquet;
    for (const path of await this.#dataFiles()) {
      const { buffer, byteOffset, byteLength } = await this.#file(path);
      const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      yield* await parquet.parquetReadObjects({ file });
    }
  }

  async #dataFiles(): Promise<string[]> {
    const metadata = await this.#metadata();
    const current = metadata?.snapshots.find((one) => one['snapshot-id'] === metadata['current-snapshot-id']);
    if (current === undefined) return [];
    const paths: string[] = [];
    for (const { manifest_path } of await this.#avro<{ manifest_path: string }>(current['manifest-list']))
      for (const { status, data_file } of await this.#avro<ManifestEntry>(manifest_path))
        if (status !== deleted) paths.push(data_file.file_path);
    return paths;
  }

  /** The highest version, found by a listing: the hint may be behind. */
  async #metadata(): Promise<Metadata | undefined> {
    const { client, sdk } = await this.#s3.load();
    const Prefix = `${this.#prefix}/metadata/v`;
    let last = 0;
    for await (const { Contents = [] } of sdk.paginateListObjectsV2(
      { client },
      { Bucket: this.#bucket, Prefix },
    ))
      for (const { Key = '' } of Contents)
        last = Math.max(last, Number(/\/v(\d+)\.metadata\.json$/.exec(Key)?.[1] ?? 0));
    if (last === 0) return undefined;
    return JSON.parse((await this.#object(`${Prefix}${last}.metadata.json`)).toString()) as Metadata;
  }

  async #avro<T>(path: string): Promise<T[]> {
    const loaded = await import('avsc').catch(unlessMissing('avsc', feature));
    // As a CommonJS module it comes as `default`.
    const { streams } = (loaded as { readonly default?: typeof Avro }).default ?? loaded;
    const bytes = await this.#file(path);
    return new Promise((resolve, reject) => {
      const rows: T[] = [];
      const decoder = new streams.BlockDecoder();
      decoder.on('data', (row: T) => rows.push(row));
      decoder.on('end', () => resolve(rows));
      decoder.on('error', reject);
      decoder.end(bytes);
    });
  }

  #file(path: string): Promise<Buffer> {
    return this.#object(path.slice(`s3://${this.#bucket}/`.length));
  }

  async #object(Key: string): Promise<Buffer> {
    const { client, sdk } = await this.#s3.load();
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: this.#bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }
}

/** What is used of `hyparquet`. */
interface Parquet {
  parquetReadObjects(options: { readonly file: ArrayBuffer }): Promise<Stored[]>;
}

const feature = 'an audit of Iceberg';
/** Status of an entry whose file is no longer part of the table. */
const deleted = 2;

interface ManifestEntry {
  readonly status: number;
  readonly data_file: { readonly file_path: string };
}
