import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'pg';
import {
  debezium,
  MemoryLog,
  postgresSink,
  postgresSinkTable,
  runSink,
  type DeadLetter,
  type TopicPartition,
} from '../../runtime/cdc/index.js';
import { testPostgres } from '../fixtures/postgres.js';

const postgres = testPostgres();

/**
 * What Debezium 3.7.0.Final wrote, its connector made by `DebeziumConnector`, for an update beside large values of
 * many types, for a change of that row's key, and for rows that have one value each: bytes, infinities, times of all
 * ages, and doubles as Java 17 writes them.
 */
const records = readFileSync(join(__dirname, 'debezium-3.7-types.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { offset: string; key: string; value: string | null });

const types = {
  note: 'int',
  blob: 'bytea',
  big: 'text',
  texts: 'text[]',
  ints: 'int[]',
  bigs: 'bigint[]',
  uuids: 'uuid[]',
  blobs: 'bytea[]',
  doc: 'jsonb',
  docs: 'jsonb[]',
  num: 'numeric',
  vc: 'varchar[]',
  x: 'xml',
  dbl: 'float8',
  nn: 'numeric',
  iv: 'interval',
  ts: 'timestamp',
  tz: 'timestamptz',
  d: 'date',
  sblob: 'bytea',
  starr: 'text[]',
  sdoc: 'json',
};
const large = `'\\xdeadbeef', 'big', '{some,"text, too"}', '{7,8}', '{9}', '{11111111-1111-1111-1111-111111111111}',
  ARRAY['\\xdeadbeef'::bytea], '{"a": 1}', ARRAY['{"a": 1}'::jsonb], 1e40, '{vc}', '<a>x</a>'`;
const topic = 'shop.public.payments';

test('values of a real Debezium become those of the source, and large ones that did not come stay', async () => {
  const pool = new Pool({ connectionString: await postgres.database() });
  await pool.query(postgresSinkTable());
  const columns = Object.entries(types).map(([name, type]) => `${name} ${type}`);
  await pool.query(`CREATE TABLE payments (id int PRIMARY KEY, ${columns.join(', ')})`);
  await pool.query(`INSERT INTO payments (id, note, blob, big, texts, ints, bigs, uuids, blobs, doc, docs, num, vc, x)
    VALUES (1, 1, ${large})`);
  const valuesOf = async (id: number) =>
    (
      await pool.query<{ row: Record<string, unknown> }>(
        "SELECT to_jsonb(p) - 'note' AS row FROM payments p WHERE id = $1",
        [id],
      )
    ).rows[0]?.row;
  const before = await valuesOf(1);
  const log = new MemoryLog();
  const [at] = log.create(topic) as [TopicPartition];
  for (const { key, value } of records) log.append(at, { key, value });
  const named = new Set(['id', ...Object.keys(types)]);
  const all = Object.keys((JSON.parse(records[0]?.value ?? '') as { after: object }).after);
  const options = {
    source: log,
    sink: postgresSink({
      name: 'model',
      pool,
      tables: {
        [topic]: {
          table: 'payments',
          key: ['id'],
          columns: Object.keys(types),
          ignored: all.filter((name) => !named.has(name)),
        },
      },
    }),
    decode: debezium({ systemId: '7310000000000000001' }),
    stopAtEnd: true,
  };
  // The first: `note` was updated, beside what is large.
  await runSink({ ...options, batch: { rows: 1 } }).catch((error: unknown) =>
    // What came under a new key lacks what is large: nobody makes a row of the rest.
    expect(error).toMatchObject({ name: 'ValueMissing', offset: 2n, reason: 'value-missing' }),
  );
  expect((await pool.query('SELECT note, id FROM payments')).rows).toEqual([]);
  await pool.query(`INSERT INTO payments (id, note, blob, big, texts, ints, bigs, uuids, blobs, doc, docs, num, vc, x)
    VALUES (1, 1, ${large})`);
  await pool.query('DELETE FROM exactly_once_sink');
  const letters: DeadLetter[] = [];
  let updated: unknown;
  await runSink({
    ...options,
    batch: { rows: 1 },
    deadLetters: { send: (letter) => Promise.resolve(void letters.push(letter)) },
    sink: {
      name: 'model',
      open: (partition) => options.sink.open(partition),
      check: (change) => options.sink.check?.(change),
      write: async (batch) => {
        const state = await options.sink.write(batch);
        updated ??= [await valuesOf(1), (await pool.query('SELECT note FROM payments WHERE id = 1')).rows];
        return state;
      },
    },
  });
  expect(updated).toEqual([before, [{ note: 2 }]]);
  expect(letters.map(({ error }) => error.name)).toEqual(['ValueMissing']);
  const { rows } = await pool.query<{ value: string }>(
    "SELECT e.key || ' ' || e.value AS value FROM payments p, jsonb_each_text(to_jsonb(p) || " +
      "jsonb_build_object('sdoc', p.sdoc::text, 'nn', p.nn::text)) e WHERE e.key <> 'id' AND e.value IS NOT NULL " +
      'ORDER BY p.id',
  );
  expect(rows.map(({ value }) => value)).toEqual([
    'dbl NaN',
    'dbl 66332621121664290',
    'dbl -231845256772633250',
    'nn NaN',
    'nn 1.50',
    'nn 0.000000000000000000000000000001',
    'nn Infinity',
    'iv 01:00:00',
    'iv 1 mon 2 days 03:04:05.6',
    'iv -1 years',
    'ts infinity',
    'ts -infinity',
    'ts 1960-01-02T03:04:05.678901',
    'ts 12345-01-01T00:00:00',
    'ts 0044-03-15T00:00:00 BC',
    'tz infinity',
    'tz -infinity',
    'tz 1960-01-02T01:04:05.678901+00:00',
    'tz 12345-01-01T00:00:00+00:00',
    'tz 0044-03-15T00:00:00+00:00 BC',
    'tz 1800-01-01T00:00:00+00:00',
    'd infinity',
    'd -infinity',
    'd 1960-01-02',
    'd 12345-01-01',
    'd 0044-03-15 BC',
    'sblob \\xdeadbeef',
    'sblob \\x',
    'starr ["a", null, "b,c"]',
    'starr []',
    'sdoc {"n": 12345678901234567890.123}',
    'sdoc null',
  ]);
  await pool.end();
});
