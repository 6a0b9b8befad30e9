import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { S3Client } from '@aws-sdk/client-s3';
import { parseJson } from '../../dedup/exact-json.js';
import { LazyS3 } from '../s3-client.js';
import { assertColumns, rowText, type AuditedColumns } from './row-text.js';
import type { AuditSide } from './side.js';

export interface LakeSideOptions extends AuditedColumns {
  readonly bucket: string;
  /** Of all objects of the table: the sink's prefix, or with a topic id behind it. */
  readonly prefix?: string;
  /**
   * `state`: the last row of each key, as a table has it. `changes`: every line is a row, and the same row twice is
   * doubled.
   *
   * @default state
   */
  readonly as?: 'state' | 'changes';
  /** @default - a client of the process's own region */
  readonly client?: S3Client;
}

interface Line {
  readonly op: string;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
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
      const state = new Map<string, { readonly key: string; readonly text: string }>();
      for await (const { op, before, after } of lines(s3, bucket, prefix)) {
        // Of a deletion Debezium tells no more than the key, unless the table's replica identity is FULL.
        const row = op === 'd' ? keyOf(options.key, before) : after;
        const found = rowText(options, row ?? {});
        if (as === 'changes') yield { partition, key: found.key, text: `${op}${found.text}` };
        else if (op === 'd') state.delete(found.key);
        else state.set(found.key, found);
      }
      for (const found of state.values()) yield { partition, ...found };
    },
  };
}

function keyOf(key: readonly string[], row: Line['before']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(key.map((name) => [name, row?.[name]]));
}

async function* lines(s3: LazyS3, Bucket: string, Prefix: string): AsyncGenerator<Line> {
  const { client, sdk } = await s3.load();
  const { GetObjectCommand, paginateListObjectsV2 } = sdk;
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix }))
    for (const { Key } of Contents) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
      for (const line of (await expand(bytes)).toString().split('\n'))
        if (line !== '') yield parseJson(line) as Line;
    }
}
