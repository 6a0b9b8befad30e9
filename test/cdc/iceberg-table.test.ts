import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  debezium,
  icebergFileCatalog,
  icebergSink,
  MemoryLog,
  runSink,
  RecordRefused,
} from '../../runtime/cdc/index.js';
import { embedded } from '../fixtures/embedded.js';
import { changeEvent, systemId } from './debezium-record.js';
import { newBucket, s3 } from './lake.js';

const client = s3();
afterAll(() => client.destroy());
const python = process.env.ICEBERG_PYTHON;

async function twoPartitions(rows: number) {
  const bucket = await newBucket(client);
  const catalog = icebergFileCatalog({ bucket, prefix: 'lake/payments', client });
  const log = new MemoryLog();
  const partitions = log.create('payments', 2);
  for (const [index, partition] of partitions.entries())
    for (let i = 0; i < rows; i += 1)
      log.append(
        partition,
        changeEvent({ after: { id: `p${index}-${i}`, v: i }, commit: 100n, ordinal: i + 1 }),
      );
  const sink = () => icebergSink({ name: 'lake', catalog, schema: { id: 'string', v: 'long' } });
  const run = () =>
    runSink({
      source: log,
      sink: sink(),
      decode: debezium({ systemId }),
      stopAtEnd: true,
      batch: { rows: 7 },
      patienceMs: 0,
    });
  return { bucket, catalog, log, partitions, run };
}

test('two sinks of two partitions race for one table: each commit that loses is made on the next base', async () => {
  const { catalog, partitions, run } = await twoPartitions(20);
  await Promise.all([run(), run()]);
  const { metadata } = await catalog.load();
  const current = metadata?.snapshots.at(-1);
  if (metadata === undefined || current === undefined) throw new Error('no table');
  const manifests = await catalog.manifests(current);
  expect(manifests.reduce((sum, { added_rows_count }) => sum + added_rows_count, 0)).toBe(40);
  for (const { topicId, partition } of partitions)
    expect(metadata.properties[`exactly-once.lake.${topicId}.${partition}.next`]).toBe('20');
});

test('a value that its column cannot hold is refused, and the offset stays before it', async () => {
  const { catalog, log, partitions, run } = await twoPartitions(1);
  const [first] = partitions;
  log.append(first!, changeEvent({ after: { id: 'x', v: 'no number' }, commit: 100n, ordinal: 2 }));
  await expect(run()).rejects.toThrow(RecordRefused);
  const { metadata } = await catalog.load();
  expect(metadata?.properties[`exactly-once.lake.${first!.topicId}.0.next`]).toBe('1');
});

(python === undefined ? test.skip : test)(
  'pyiceberg, named by ICEBERG_PYTHON, reads each row once, and the offsets among the properties',
  async () => {
    const { bucket, catalog, run } = await twoPartitions(20);
    await Promise.all([run(), run()]);
    const { version } = await catalog.load();
    const { stdout } = await promisify(execFile)(python!, [
      join(__dirname, 'iceberg-read-back.py'),
      `s3://${bucket}/lake/payments/metadata/v${version}.metadata.json`,
      embedded().client.endpoint,
    ]);
    const { rows, properties } = JSON.parse(stdout) as {
      readonly rows: readonly { readonly id: string; readonly v: number; readonly _op: string }[];
      readonly properties: Readonly<Record<string, string>>;
    };
    const expected = [0, 1].flatMap((p) => Array.from({ length: 20 }, (_, i) => `p${p}-${i}=${i}`)).sort();
    expect(rows.map(({ id, v }) => `${id}=${v}`).sort()).toEqual(expected);
    expect(new Set(rows.map(({ _op }) => _op))).toEqual(new Set(['insert']));
    expect(Object.entries(properties).filter(([name]) => name.endsWith('.next'))).toHaveLength(2);
  },
);
