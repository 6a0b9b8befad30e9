import { PutItemCommand, DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { Pool } from 'pg';
import {
  audit,
  AuditFailed,
  debezium,
  dynamoSide,
  dynamoSink,
  lakeSide,
  logSide,
  MemoryLog,
  postgresSide,
  postgresSink,
  postgresSinkTable,
  runSink,
  s3Sink,
  scheduledAudit,
  type AuditRow,
  type AuditSide,
  type TopicPartition,
} from '../../runtime/cdc/index.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { testPostgres } from '../fixtures/postgres.js';
import { changeEvent, systemId } from './debezium-record.js';
import { newBucket, s3 } from './lake.js';

const postgres = testPostgres();

const row = (key: string, text = 'x', partition = 'payments'): AuditRow => ({ partition, key, text });
const side = (name: string, rows: readonly AuditRow[]): AuditSide => ({
  name,
  async *rows() {
    await Promise.resolve();
    yield* rows;
  },
});
const rows = Array.from({ length: 500 }, (_, i) => row(`k${i}`, `v${i}`));
const against = (found: readonly AuditRow[], source: readonly AuditRow[] = rows) =>
  audit({ source: side('source', source), sink: side('sink', found) });

describe('an audit', () => {
  test('of two sides that hold the same, in any order, is clean', async () => {
    const report = await against(rows.toReversed());
    expect(report).toMatchObject({ ok: true, findings: [] });
    expect(report.partitions).toEqual([
      { partition: 'payments', source: 500, sink: 500, places: ['k0..k99', 'k0..k99'], rangesThatDiffer: 0 },
    ]);
  });

  test.each([
    ['missing', 'k7', rows.filter(({ key }) => key !== 'k7')],
    ['doubled', 'k7', [...rows, row('k7', 'v7')]],
    // Twice more: the XOR is what it was.
    ['doubled', 'k7', [...rows, row('k7', 'v7'), row('k7', 'v7')]],
    ['altered', 'k7', rows.map((one) => (one.key === 'k7' ? row('k7', 'v8') : one))],
    ['foreign', 'k-1', [...rows, row('k-1')]],
  ] as const)('finds a row that is %s, and says which', async (kind, key, found) => {
    const report = await against(found);
    expect(report.ok).toBe(false);
    expect(report.findings).toEqual([{ kind, partition: 'payments', key }]);
    expect(report.counts[kind]).toBe(1);
    expect(report.problem).toContain(kind);
    expect(report.problem).not.toContain(key);
  });

  test('finds two rows whose values were exchanged, and one under another partition', async () => {
    const swapped = rows.map((one) =>
      one.key === 'k1' ? row('k1', 'v2') : one.key === 'k2' ? row('k2', 'v1') : one,
    );
    expect((await against(swapped)).counts.altered).toBe(2);
    const moved = rows.map((one) => (one.key === 'k1' ? row('k1', 'v1', 'refunds') : one));
    expect((await against(moved)).counts).toMatchObject({ missing: 1, foreign: 1 });
  });

  test('that saw nothing has failed, also where both sides are empty', async () => {
    expect(await against([], [])).toMatchObject({ ok: false, problem: "it has seen no row in 'source'" });
    expect(await against(rows, [])).toMatchObject({ ok: false });
    expect((await against([])).counts.missing).toBe(500);
  });

  test('a finding is what stands in each look: what was on its way is none', async () => {
    let look = 0;
    const sink: AuditSide = {
      name: 'sink',
      async *rows() {
        await Promise.resolve();
        // Each look reads the rows that differ once more.
        look += 1;
        yield* look <= 2 ? rows.slice(1, -1) : rows.slice(1);
      },
    };
    const report = await audit({ source: side('source', rows), sink, looks: 2, pauseMs: 1 });
    expect(report.findings).toEqual([{ kind: 'missing', partition: 'payments', key: 'k0' }]);
  });

  test('on a schedule throws what it found', async () => {
    const log = () => undefined;
    const check = scheduledAudit({ source: side('source', rows), sink: side('sink', rows.slice(1)), log });
    await expect(check()).rejects.toThrow(AuditFailed);
    await expect(check()).rejects.toThrow('1 missing');
    await expect(
      scheduledAudit({ source: side('source', rows), sink: side('sink', rows), log })(),
    ).resolves.toMatchObject({ ok: true });
  });
});

describe('over real stores', () => {
  const dynamodb = dynamo();
  const client = s3();
  const audited = { partition: 'payments', key: ['id'], columns: ['amount', 'note'] };
  const topic = 'shop.public.payments';
  let pool: Pool;
  let bucket: string;
  let items: string;
  let log: MemoryLog;
  const decode = debezium({ systemId });

  beforeAll(async () => {
    pool = new Pool({ connectionString: await postgres.database() });
    await pool.query(postgresSinkTable());
    for (const name of ['payments', 'model'])
      await pool.query(`CREATE TABLE ${name} (id bigint PRIMARY KEY, amount numeric NOT NULL, note text)`);
    bucket = await newBucket(client);
    const watermarks = await newTable(dynamodb, 'id');
    items = (await newTable(dynamodb, 'id')).name;
    log = new MemoryLog();
    const [at] = log.create(topic) as [TopicPartition];
    for (let i = 1; i <= 60; i += 1) {
      const after = { id: String(i), amount: `${i}.50`, note: i % 3 === 0 ? null : `ü${i}` };
      await pool.query('INSERT INTO payments VALUES ($1, $2, $3)', [after.id, after.amount, after.note]);
      log.append(at, changeEvent({ after, ordinal: i }));
      if (i % 10 === 0) log.append(at, changeEvent({ after, ordinal: i }));
    }
    await pool.query('DELETE FROM payments WHERE id = 5');
    log.append(at, changeEvent({ op: 'd', before: { id: '5' }, commit: 200n }));
    const sinks = [
      postgresSink({
        name: 'model',
        pool,
        tables: { [topic]: { table: 'model', key: ['id'], columns: ['amount', 'note'] } },
      }),
      dynamoSink({
        name: 'model',
        client: dynamodb,
        watermarks: watermarks.name,
        tables: { [topic]: { tableName: items, key: ['id'] } },
      }),
      s3Sink({ name: 'lake', bucket, client }),
    ];
    for (const sink of sinks) await runSink({ source: log, sink, decode, stopAtEnd: true });
  });
  afterAll(async () => {
    client.destroy();
    dynamodb.destroy();
    await pool.end();
  });

  const source = () => postgresSide({ ...audited, client: pool, table: 'payments' });
  const sinks = {
    Postgres: () => postgresSide({ ...audited, client: pool, table: 'model' }),
    DynamoDB: () => dynamoSide({ ...audited, client: dynamodb, tableName: items }),
    S3: () => lakeSide({ ...audited, client, bucket }),
  };

  test.each(Object.entries(sinks))('the table and its copy in %s hold the same', async (_, sink) => {
    expect(await audit({ source: source(), sink: sink() })).toMatchObject({
      ok: true,
      partitions: [{ source: 59, sink: 59 }],
    });
  });

  test('the changes of the log and the lines of the lake are the same', async () => {
    const lake = lakeSide({ ...audited, client, bucket, as: 'changes' });
    expect(await audit({ source: logSide({ ...audited, source: log, decode }), sink: lake })).toMatchObject({
      ok: true,
      partitions: [{ source: 61, sink: 61 }],
    });
  });

  test('a lake as a state: a topic made anew comes last whatever its id, lines have schemas, large values stay', async () => {
    const lake = await newBucket(client);
    const note = (text: string) => ({ id: '1', amount: '1.50', note: text });
    const told = [
      [
        'zzzzzzzzzzzzzzzzzzzzzz',
        changeEvent({ after: { ...note('old'), amount: '0' } }),
        changeEvent({ after: { ...note(''), id: '2' }, ordinal: 2 }),
        changeEvent({ op: 'd', before: { id: '2' }, ordinal: 3 }),
      ],
      [
        'AAAAAAAAAAAAAAAAAAAAAA',
        changeEvent({ op: 'r', after: note('large'), commit: null, transaction: null }),
        changeEvent({ op: 'u', after: note('__debezium_unavailable_value'), commit: 200n }),
      ],
    ] as const;
    for (const [topicId, ...events] of told) {
      const anew = new MemoryLog();
      const [at] = anew.create(topic, 1, topicId) as [TopicPartition];
      for (const { key, value } of events) {
        // A double as Java 17 writes it.
        const payload = value.replace('"note":', '"f":6.6332621121664288E16,"note":');
        anew.append(at, { key, value: `{"schema":{"type":"struct"},"payload":${payload}}` });
      }
      await runSink({
        source: anew,
        sink: s3Sink({ name: 'lake', bucket: lake, client }),
        decode,
        stopAtEnd: true,
      });
      // Two objects of one second have one time.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
    const held: AuditRow[] = [];
    for await (const one of lakeSide({ ...audited, client, bucket: lake }).rows()) held.push(one);
    expect(held.map(({ key, text }) => [key, text])).toEqual([['["1"]', '["1.50","large"]']]);
  });

  test('a row that somebody takes, changes or adds in the copy is found', async () => {
    await pool.query('DELETE FROM model WHERE id = 7; UPDATE model SET amount = 8.51 WHERE id = 8');
    await pool.query("INSERT INTO model VALUES (99, 1, '')");
    const { findings } = await audit({ source: source(), sink: sinks.Postgres() });
    expect(findings.map(({ kind, key }) => [key, kind]).sort()).toEqual([
      ['["7"]', 'missing'],
      ['["8"]', 'altered'],
      ['["99"]', 'foreign'],
    ]);
    await dynamodb.send(new DeleteItemCommand({ TableName: items, Key: { id: { S: '9' } } }));
    const Item = { id: { S: '10' }, amount: { S: '10.50' }, note: { S: '' } };
    await dynamodb.send(new PutItemCommand({ TableName: items, Item }));
    expect((await audit({ source: source(), sink: sinks.DynamoDB() })).counts).toMatchObject({
      missing: 1,
      altered: 1,
    });
  });
});
