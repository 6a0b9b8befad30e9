import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  debezium,
  icebergCleanup,
  icebergFileCatalog,
  icebergSink,
  MemoryLog,
  runSink,
  RecordRefused,
  type IcebergCatalog,
} from '../../runtime/cdc/index.js';
import { entriesOf, manifestsOf, status } from '../../runtime/cdc/iceberg/manifests.js';
import { embedded } from '../fixtures/embedded.js';
import { changeEvent, systemId } from './debezium-record.js';
import { icebergRows } from './iceberg-rows.js';
import { namesIn, newBucket, s3 } from './lake.js';

const client = s3();
afterAll(() => client.destroy());
const python = process.env.ICEBERG_PYTHON;

async function twoPartitions(rows: number) {
  const bucket = await newBucket(client);
  const catalog = icebergFileCatalog({ bucket, prefix: 'lake/payments', client, keepSnapshots: 3 });
  const log = new MemoryLog();
  const partitions = log.create('payments', 2);
  for (const [index, partition] of partitions.entries())
    for (let i = 0; i < rows; i += 1)
      log.append(
        partition,
        changeEvent({ after: { id: `p${index}-${i}`, v: i }, commit: 100n, ordinal: i + 1 }),
      );
  const sink = (over: IcebergCatalog) =>
    icebergSink({ name: 'lake', catalog: over, schema: { id: 'string', v: 'long' }, minManifestsToMerge: 4 });
  const run = (over: IcebergCatalog = catalog) =>
    runSink({
      source: log,
      sink: sink(over),
      decode: debezium({ systemId }),
      stopAtEnd: true,
      batch: { rows: 7 },
      patienceMs: 0,
    });
  return { bucket, catalog, log, partitions, run };
}

/** What the current snapshot says of itself. */
async function told(catalog: IcebergCatalog) {
  const { metadata } = await catalog.load();
  const current = metadata?.snapshots.at(-1);
  if (metadata === undefined || current === undefined) throw new Error('no table');
  const manifests = await manifestsOf(catalog, current);
  const entries = (await Promise.all(manifests.map((one) => entriesOf(catalog, one)))).flat();
  const rows = manifests.reduce((sum, one) => sum + one.added_rows_count + one.existing_rows_count, 0);
  return { metadata, manifests, entries, rows };
}

test('manifests are merged as they grow; each data file stays, with the number of the commit that added it', async () => {
  const { catalog, run } = await twoPartitions(30);
  await run();
  const { metadata, manifests, entries, rows } = await told(catalog);
  expect(metadata['last-sequence-number']).toBe(10);
  expect(manifests.length).toBeLessThanOrEqual(4);
  expect(rows).toBe(60);
  const merged = entries.filter(({ status: now }) => now === status.existing);
  expect(merged.map(({ sequence_number }) => sequence_number)).toEqual(merged.map((_, i) => i + 1));
  expect(new Set(entries.map(({ data_file }) => data_file.file_path)).size).toBe(10);
});

test.each([
  ['is lost', undefined],
  ['is no number', 'x'],
  ['names a version that is not there', '99'],
  ['is behind', '1'],
])('a version hint that %s forks no table', async (_, hint) => {
  const { bucket, catalog, log, partitions, run } = await twoPartitions(2);
  await run();
  const Key = 'lake/payments/metadata/version-hint.text';
  await client.send(
    hint === undefined
      ? new DeleteObjectCommand({ Bucket: bucket, Key })
      : new PutObjectCommand({ Bucket: bucket, Key, Body: hint }),
  );
  log.append(partitions[0]!, changeEvent({ after: { id: 'more', v: 1 }, commit: 200n }));
  // Another process: it remembers nothing.
  const anew = () => icebergFileCatalog({ bucket, prefix: 'lake/payments', client });
  await run(anew());
  expect((await told(anew())).rows).toBe(5);
  expect((await anew().load()).version).toBe(3);
  expect((await told(catalog)).rows).toBe(5);
});

test('what no snapshot refers to is removed once it is old, and every row can still be read', async () => {
  const { bucket, catalog, run } = await twoPartitions(30);
  await run();
  const orphan = 'lake/payments/data/lost-its-race.parquet';
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: orphan, Body: 'x' }));
  const { entries } = await told(catalog);
  const clean = () => icebergCleanup({ bucket, prefix: 'lake/payments', client });
  expect(await clean()).toEqual({ removed: 0 });
  const later = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 4 * 24 * 3_600_000);
  const { removed } = await clean().finally(() => later.mockRestore());
  // The orphan; lists and manifests that only snapshots beyond the kept 3 led to.
  expect(removed).toBeGreaterThan(5);
  const names = await namesIn(client, bucket);
  expect(names).not.toContain(orphan);
  expect(names.filter((name) => name.endsWith('.metadata.json'))).toHaveLength(12);
  expect((await told(catalog)).entries).toEqual(entries);
  const rows = await icebergRows(client, bucket, 'lake/payments/');
  expect(rows).toHaveLength(60);
});

test('two sinks of two partitions race for one table: each commit that loses is made on the next base', async () => {
  const { catalog, partitions, run } = await twoPartitions(20);
  await Promise.all([run(), run()]);
  const { metadata, manifests, rows } = await told(catalog);
  expect(rows).toBe(40);
  // Six commits.
  expect(manifests.length).toBeLessThanOrEqual(4);
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

test('times of snapshots never go back, whatever the clock of a writer says: readers in Java would refuse the table', async () => {
  const { catalog, run, log, partitions } = await twoPartitions(10);
  await run();
  const clock = jest
    .spyOn(Date, 'now')
    .mockImplementation(() => performance.timeOrigin + performance.now() - 3_600_000);
  try {
    for (const [i, partition] of partitions.entries())
      log.append(partition, changeEvent({ after: { id: `late${i}`, v: 1 }, commit: 200n }));
    await run();
  } finally {
    clock.mockRestore();
  }
  const { metadata } = await catalog.load();
  const times = (metadata?.snapshots ?? []).map((snapshot) => snapshot['timestamp-ms']);
  expect(times).toHaveLength(3);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(metadata?.['last-updated-ms']).toBe(times.at(-1));
});
