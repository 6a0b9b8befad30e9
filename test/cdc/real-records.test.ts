import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'pg';
import {
  debezium,
  MemoryLog,
  postgresSink,
  postgresSinkTable,
  runSink,
  type TopicPartition,
} from '../../runtime/cdc/index.js';
import { testPostgres } from '../fixtures/postgres.js';

const postgres = testPostgres();

/**
 * What Debezium 3.7.0.Final wrote into Kafka 4.3.1 for a table of Postgres 18, its connector made by
 * `DebeziumConnector` and its worker by `ConnectWorker`, killed once: a row of a snapshot, a transaction with a large
 * value that an update leaves as it is, a deletion, a changed key, and an insert of five rows.
 */
const records = readFileSync(join(__dirname, 'debezium-3.7.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { offset: string; key: string; value: string | null });

test('records of a real Debezium make the table that they were made from', async () => {
  const pool = new Pool({ connectionString: await postgres.database() });
  await pool.query(postgresSinkTable());
  await pool.query(
    'CREATE TABLE payments (id bigint PRIMARY KEY, amount numeric(12,2) NOT NULL, at timestamptz, d date, ' +
      't timestamp, flag boolean, note text, doc jsonb)',
  );
  const log = new MemoryLog();
  const [at] = log.create('shop.public.payments') as [TopicPartition];
  for (const { offset, key, value } of records) log.append(at, { offset: BigInt(offset), key, value });
  // The connector began again: all but the snapshot comes once more.
  const end = BigInt(records.at(-1)?.offset ?? 0) + 1n;
  for (const { offset, key, value } of records.slice(1))
    log.append(at, { offset: end + BigInt(offset), key, value });
  const sink = postgresSink({
    name: 'model',
    pool,
    tables: {
      'shop.public.payments': {
        table: 'payments',
        key: ['id'],
        columns: ['amount', 'at', 'd', 't', 'flag', 'note', 'doc'],
      },
    },
  });
  const decode = debezium({ systemId: '7713305794749603175' });
  const [summary] = await runSink({ source: log, sink, decode, stopAtEnd: true, batch: { rows: 4 } });
  expect(summary).toMatchObject({ rows: 12, duplicates: 11 });
  const { rows } = await pool.query(
    "SELECT id::text, amount::text, d::text, flag, note, doc->>'a' AS a FROM payments ORDER BY payments.id",
  );
  const empty = { d: null, flag: null, note: null, a: null };
  expect(rows).toEqual([
    { id: '2', amount: '9.99', d: '2026-11-28', flag: false, note: 'a large value', a: null },
    { id: '10', amount: '1.50', d: '2026-11-28', flag: true, note: 'snapshot', a: '1' },
    ...[100, 101, 102, 103, 104].map((id) => ({ id: String(id), amount: `${id}.00`, ...empty })),
  ]);
  await pool.end();
});
