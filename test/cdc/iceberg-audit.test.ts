import {
  audit,
  debezium,
  icebergFileCatalog,
  icebergSide,
  icebergSink,
  logSide,
  MemoryLog,
  runSink,
  type TopicPartition,
} from '../../runtime/cdc/index.js';
import { changeEvent, systemId } from './debezium-record.js';
import { newBucket, s3 } from './lake.js';

const client = s3();
afterAll(() => client.destroy());
const topic = 'shop.public.payments';
const decode = debezium({ systemId });
const audited = { partition: 'payments', key: ['id'], columns: ['v'] };

/** Rows 1 to 60, of which 5 is deleted; `plant` may tell one otherwise, not at all, or twice. */
function logOf(plant: (id: number) => readonly object[] = (id) => [{ v: `v${id}` }]): MemoryLog {
  const log = new MemoryLog();
  const [at] = log.create(topic) as [TopicPartition];
  for (let id = 1; id <= 60; id += 1)
    for (const [again, row] of plant(id).entries())
      log.append(at, changeEvent({ after: { id: String(id), ...row }, ordinal: 10 * id + again }));
  log.append(at, changeEvent({ op: 'd', before: { id: '5' }, commit: 200n }));
  return log;
}

async function tableOf(log: MemoryLog) {
  const bucket = await newBucket(client);
  const prefix = 'lake/payments/';
  const catalog = icebergFileCatalog({ bucket, prefix, client });
  const sink = icebergSink({ name: 'lake', catalog });
  await runSink({ source: log, sink, decode, stopAtEnd: true, batch: { rows: 25 } });
  return { ...audited, bucket, prefix, client, topic };
}

test('the changes of a log and the rows of its Parquet files are the same, and so are their lowest and highest positions', async () => {
  const log = logOf();
  const table = await tableOf(log);
  const report = await audit({
    source: logSide({ ...audited, source: log, decode, place: 'position' }),
    sink: icebergSide({ ...table, as: 'changes', place: 'position' }),
  });
  expect(report).toMatchObject({ ok: true, partitions: [{ source: 61, sink: 61 }] });
  const [source, sink] = report.partitions[0]?.places ?? [];
  expect(sink).toBe(source);
  expect(sink).toMatch(new RegExp(`^${systemId}/\\d{10}/\\d{20}/\\d{20}\\.\\.${systemId}/\\d{10}/0*200/`));
});

test('a row that is missing, doubled or altered in the table is found, and named', async () => {
  const planted = logOf((id) =>
    id === 7
      ? []
      : id === 8
        ? [{ v: 'other' }]
        : Array.from({ length: id === 9 ? 2 : 1 }, () => ({ v: `v${id}` })),
  );
  const report = await audit({
    source: logSide({ ...audited, source: logOf(), decode }),
    sink: icebergSide({ ...(await tableOf(planted)), as: 'changes' }),
  });
  expect(report.findings.map(({ kind, key }) => [key, kind]).sort()).toEqual([
    ['["7"]', 'missing'],
    ['["8"]', 'altered'],
    ['["9"]', 'doubled'],
  ]);
});

test('of a topic that was made anew, whose offsets begin at 0 again, the later row is the state', async () => {
  const log = logOf();
  const table = await tableOf(log);
  const [at] = log.create(topic) as [TopicPartition];
  log.append(at, changeEvent({ op: 'r', after: { id: '7', v: 'anew' }, commit: null, transaction: null }));
  const catalog = icebergFileCatalog({ ...table });
  const sink = icebergSink({ name: 'lake', catalog });
  await runSink({ source: log, sink, decode, stopAtEnd: true });
  const texts = new Map<string, string>();
  for await (const { key, text } of icebergSide(table).rows()) texts.set(key, text);
  expect(texts.size).toBe(59);
  expect(texts.get('["7"]')).toContain('anew');
});

test('as a state it is the last row of each key, without the deleted ones; of another topic it is nothing', async () => {
  const log = logOf();
  const table = await tableOf(log);
  const keys: string[] = [];
  for await (const { key } of icebergSide(table).rows()) keys.push(key);
  expect(keys).toHaveLength(59);
  expect(keys).not.toContain('["5"]');
  expect(
    await audit({ source: icebergSide({ ...table, topic: 'shop.public.others' }), sink: icebergSide(table) }),
  ).toMatchObject({ ok: false, problem: expect.stringContaining('no row') as string });
});

test('as a state it has the large values that updates left as they were', async () => {
  const log = new MemoryLog();
  const [at] = log.create(topic) as [TopicPartition];
  const rows = [
    { id: '1', v: 'large', n: 1 },
    { id: '1', v: '__debezium_unavailable_value', n: 2 },
    { id: '1', v: '__debezium_unavailable_value', n: 3 },
  ];
  for (const [i, after] of rows.entries())
    log.append(at, changeEvent({ op: i === 0 ? 'c' : 'u', after, ordinal: i + 1 }));
  const texts: string[] = [];
  const side = icebergSide({ ...(await tableOf(log)), columns: ['v', 'n'] });
  for await (const { text } of side.rows()) texts.push(text);
  expect(texts).toEqual(['["large","3"]']);
});
