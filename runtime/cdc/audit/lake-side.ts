import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { S3Client } from '@aws-sdk/client-s3';
import { LazyS3 } from '../s3-client.js';
import { isLeftOut, lineOf, type Columns, type Line } from './lake-line.js';
import { assertColumns, rowText, type AuditedColumns } from './row-text.js';
import type { AuditSide } from './side.js';

export interface LakeSideOptions extends AuditedColumns {
  readonly bucket: string;
  /** Of all objects of the table: the sink's prefix, or with a topic id behind it. */
  readonly prefix?: string;
  /**
   * `state`: the last row of each key, as a table has it, of the topic that was written last where one was made anew;
   * a large value that an update left as it was is the one before it. `changes`: every line is a row, and the same
   * row twice is doubled.
   *
   * @default state
   */
  readonly as?: 'state' | 'changes';
  /** @default - a client of the process's own region */
  readonly client?: S3Client;
}

const expand = promisify(gunzip);

/**
 * What lies in a bucket, as any reader finds it: a plain listing, and lines as Debezium wrote them. As a state it
 * holds all rows in memory. The changes of one key come from one partition, in order.
 */
export function lakeSide(options: LakeSideOptions): AuditSide {
  assertColumns(options);
  const { bucket, prefix = '', as = 'state', partition } = options;
  const s3 = new LazyS3(options.client);
  return {
    name: `s3 ${bucket}/${prefix}`,
    async *rows() {
      const state = new Map<string, Columns>();
      for await (const { op, before, after } of lines(s3, bucket, prefix)) {
        // Of a deletion Debezium tells no more than the key, unless the table's replica identity is FULL.
        const row = op === 'd' ? keyOf(options.key, before) : after;
        const found = rowText(options, row ?? {});
        if (as === 'changes') yield { partition, key: found.key, text: `${op}${found.text}` };
        else if (op === 'd') state.delete(found.key);
        else state.set(found.key, filled(audited(options, row), state.get(found.key)));
      }
      for (const row of state.values()) yield { partition, ...rowText(options, row) };
    },
  };
}

function keyOf(key: readonly string[], row: Line['before']): Columns {
  return Object.fromEntries(key.map((name) => [name, row?.[name]]));
}

/** What is held of a row. */
function audited({ key, columns }: AuditedColumns, row: Columns | null): Columns {
  return Object.fromEntries([...key, ...columns].map((name) => [name, row?.[name]]));
}

function filled(row: Columns, before: Columns | undefined): Columns {
  if (before === undefined || !Object.values(row).some(isLeftOut)) return row;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, isLeftOut(value) ? before[name] : value]),
  );
}

async function* lines(s3: LazyS3, Bucket: string, Prefix: string): AsyncGenerator<Line> {
  const { client, sdk } = await s3.load();
  for (const Key of await namesIn(s3, Bucket, Prefix)) {
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key }));
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
    for (const line of (await expand(bytes)).toString().split('\n')) if (line !== '') yield lineOf(line);
  }
}

/** In the order of a listing, but one topic id after the other as they were begun: ids are random. */
async function namesIn(s3: LazyS3, Bucket: string, Prefix: string): Promise<string[]> {
  const { client, sdk } = await s3.load();
  const topics = new Map<string, { begun: number; readonly names: string[] }>();
  for await (const { Contents = [] } of sdk.paginateListObjectsV2({ client }, { Bucket, Prefix }))
    for (const { Key = '', LastModified } of Contents) {
      const id = Key.split('/').at(-3) ?? '';
      const begun = LastModified?.getTime() ?? 0;
      const topic = topics.get(id) ?? { begun, names: [] };
      topics.set(id, topic);
      topic.names.push(Key);
      topic.begun = Math.min(topic.begun, begun);
    }
  return [...topics.values()].sort((a, b) => a.begun - b.begun).flatMap(({ names }) => names);
}
