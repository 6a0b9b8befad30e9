import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import * as z from 'zod/mini';
import { postgresIdempotentApi } from '../../runtime/api/postgres/index.js';
import {
  fromPg,
  postgresConsumer,
  PostgresFailureStore,
  postgresLeases,
  prune,
  receive,
} from '../../runtime/postgres/index.js';
import { Meter } from '../../runtime/dedup/meter.js';
import { limits as within, request as askedFor } from '../api/payments.js';
import { testPostgres } from '../fixtures/postgres.js';
import { record } from '../fixtures/queue.js';

/**
 * What makes RDS Proxy keep a connection for one client, so that others cannot share it.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
 */
const pins: Record<string, RegExp> = {
  'a prepared statement with a name': /^execute (?!<unnamed>)/i,
  'PREPARE, EXECUTE, DEALLOCATE, DISCARD':
    /^(statement|execute <unnamed>): \s*(PREPARE|EXECUTE|DEALLOCATE|DISCARD)\b/i,
  'SET for the session': /(^|[:;])\s*SET\s+(?!LOCAL\b)[a-z_]+\s*(=|TO)/i,
  set_config: /\bset_config\s*\(/i,
  'a lock of the session': /\bpg_(try_)?advisory_(lock|unlock)/i,
  LISTEN: /(^|[:;])\s*LISTEN\b/i,
  'a temporary table': /\bCREATE\s+(LOCAL\s+|GLOBAL\s+)?TEMP/i,
  'a cursor': /\bDECLARE\b.*\bCURSOR\b/i,
  'a sequence': /\b(nextval|setval|currval|lastval)\s*\(/i,
};

/** RDS Proxy pins for a statement that is longer. */
const mostBytes = 16 * 1024;

const postgres = testPostgres({ settings: { log_statement: 'all' } });

/** Statements that the server says it was sent since, from whoever uses this database. */
async function statements(since: number): Promise<string[]> {
  const log = (await postgres.server().log()).slice(since);
  return log
    .split(/\n(?=\d{4}-\d\d-\d\d )/)
    .flatMap((line) => /LOG: {2}((?:statement|execute [^:]*): [\s\S]*)/.exec(line)?.[1] ?? []);
}

async function use(pool: Pool): Promise<void> {
  const Body = z.object({ id: z.string() });
  const order = new Map<string, 'twice' | 'fail'>();
  const consumer = postgresConsumer({
    settings: { consumerName: 'proxied', deadLetterQueueUrl: 'none', maxFailures: 100 },
    receiptRetentionSeconds: 3600,
    schema: Body,
    pool,
    key: ({ body }) => body.id,
    leases: postgresLeases({ observe: () => undefined }),
    handle: async ({ body }, tx) => {
      await tx.query('SELECT $1::text', ['it']);
      await tx.savepoint(async () => tx.query('SELECT nonsense')).catch(() => undefined);
      if (order.get(body.id) === 'fail') throw new Error('not now');
      return tx.once('effect', { args: null, run: () => 1, onUnknown: 'block' });
    },
    observe: () => undefined,
  });
  const bodies = Array.from({ length: 4 }, () => ({ id: randomUUID() }));
  order.set(bodies[0]?.id ?? '', 'fail');
  for (const receiveCount of [1, 2])
    await consumer(
      { Records: bodies.map((body) => record({ body, group: body.id, receiveCount })) },
      { getRemainingTimeInMillis: () => 20_000 },
    );
  const api = postgresIdempotentApi({
    settings: { apiName: 'proxied', windowSeconds: 60 },
    pool,
    // Longer than a statement may be: it travels as a value.
    handle: () => ({ status: 200, body: 'x'.repeat(3 * mostBytes) }),
    observe: () => undefined,
  });
  const asked = askedFor({ key: randomUUID() });
  for (let times = 0; times < 2; times += 1) expect((await api(asked, within())).status).toBe(200);
  await pool.query("UPDATE exactly_once.receipts SET expires_at = now() WHERE id LIKE 'proxied%'");
  expect((await api(asked, within())).headers).not.toHaveProperty('idempotent-replayed');
  const limits = { deadline: Date.now() + 10_000, meter: new Meter() };
  const failures = new PostgresFailureStore(pool, 'proxied');
  await failures.start(['a', 'b'], limits);
  const stopped = await failures.groups.stop(
    undefined,
    { stream: 's', kind: 'group', queueArn: 'q', group: 'g' },
    { head: { messageId: 'a', firstEnqueue: '' }, reason: 'no', message: { messageId: 'a', text: '{}' } },
    limits,
  );
  await failures.groups.open(stopped, limits);
  await prune({ pool });
  const client = await pool.connect();
  await client.query('BEGIN');
  await receive(fromPg(client), { consumerName: 'proxied', key: 'k', payload: 1, retentionSeconds: 60 });
  await client.query('COMMIT');
  client.release();
}

test('the runtime sends nothing for which RDS Proxy would pin a connection', async () => {
  const { pool } = await postgres.pool();
  const before = (await postgres.server().log()).length;
  await use(pool);
  const sent = await statements(before);
  expect(sent.length).toBeGreaterThan(40);
  for (const [what, pattern] of Object.entries(pins))
    expect([what, sent.filter((statement) => pattern.test(statement))]).toEqual([what, []]);
  expect(sent.filter((statement) => Buffer.byteLength(statement) > mostBytes)).toEqual([]);
  expect(sent.some((statement) => statement.includes('SET LOCAL statement_timeout'))).toBe(true);
});

test('the log shows a statement that would pin', async () => {
  const { pool } = await postgres.pool();
  const before = (await postgres.server().log()).length;
  await pool.query({ name: 'named', text: 'SELECT 1' });
  for (const text of [
    'PREPARE x AS SELECT 1',
    'SET statement_timeout = 60000',
    "SELECT set_config('lock_timeout', '5', false)",
    'SELECT pg_advisory_lock(1)',
    'LISTEN x',
    'CREATE TEMP TABLE t ()',
    'BEGIN; DECLARE c CURSOR FOR SELECT 1; COMMIT',
    "CREATE SEQUENCE q; SELECT nextval('q')",
  ])
    await pool.query(text);
  const sent = await statements(before);
  for (const [what, pattern] of Object.entries(pins))
    expect([what, sent.some((statement) => pattern.test(statement))]).toEqual([what, true]);
});
