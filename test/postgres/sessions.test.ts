import type { Pool } from 'pg';
import * as z from 'zod/mini';
import { Meter } from '../../runtime/dedup/meter.js';
import { PostgresExecutionStore } from '../../runtime/postgres/execution-store.js';
import { postgresAggregateConsumer, type PostgresTx } from '../../runtime/postgres/index.js';
import { factsOf } from '../../runtime/postgres/transaction-control.js';
import { testPostgres } from '../fixtures/postgres.js';
import { record } from '../fixtures/queue.js';

const postgres = testPostgres();
let pool: Pool;
let ids = 0;
beforeAll(async () => {
  // Of one connection: who comes next would be given the session of who was there before.
  ({ pool } = await postgres.pool({ max: 1 }));
  await pool.query('CREATE ROLE nobody_here');
  await pool.query('GRANT nobody_here TO current_user');
});

async function run(handle: (tx: PostgresTx) => Promise<unknown>) {
  const store = new PostgresExecutionStore({ pool, windowSeconds: 60 });
  return store.commit(
    { id: `test#${(ids += 1)}`, fingerprint: 'f', handle },
    { deadline: Date.now() + 10_000, meter: new Meter() },
  );
}

const sessionOf = async (tx: Pick<PostgresTx, 'query'>) =>
  (
    await tx.query(
      "SELECT current_user::text AS role, current_setting('search_path') AS path, current_setting('app.tenant', true) AS tenant, " +
        'to_regclass($1)::text AS scratch, (SELECT count(*)::int FROM pg_prepared_statements) AS prepared',
      ['pg_temp.scratch'],
    )
  ).rows[0];

test.each([
  "SET app.tenant = 'one'",
  'SET search_path TO pg_temp',
  'SET SESSION ROLE nobody_here',
  "SELECT set_config('app.tenant', 'one', false)",
  'CREATE TEMP TABLE scratch (n integer)',
  'PREPARE mine AS SELECT 1',
  'SELECT 1; /* and */ SET ROLE nobody_here',
])('what a handler leaves in its session is not there for the next one: %s', async (text) => {
  const before = await sessionOf(pool);
  const left = await run(async (tx) => {
    await tx.query(text);
  });
  expect(left).toEqual({ kind: 'processed' });
  expect(await run(async (tx) => sessionOf(tx))).toEqual({ kind: 'processed' });
  expect({ ...before, tenant: null }).toEqual({ ...(await sessionOf(pool)), tenant: null });
  expect([null, '', undefined]).toContain((await sessionOf(pool))?.['tenant']);
});

test.each(['SET LOCAL ROLE nobody_here', "SELECT set_config('role', 'nobody_here', true)"])(
  'a handler that acts as another role has its result kept, by the one who may: %s',
  async (text) => {
    const handle = async (tx: PostgresTx) => {
      await tx.query(text);
      return (await tx.query('SELECT current_user::text AS role')).rows[0];
    };
    expect(await run(handle)).toEqual({ kind: 'processed' });
    const { rows } = await pool.query('SELECT result FROM exactly_once.receipts WHERE id = $1', [
      `test#${ids}`,
    ]);
    expect(rows).toEqual([{ result: '{"role":"nobody_here"}' }]);
  },
);

test('of an aggregate, the positions are written by the one who may, and the next message acts as itself', async () => {
  const roles: unknown[] = [];
  const consumer = postgresAggregateConsumer({
    settings: { consumerName: 'roles', deadLetterQueueUrl: 'none' },
    schema: z.object({ n: z.string() }),
    pool,
    aggregate: () => 'one',
    version: ({ body }) => ({ source: 's', version: body.n }),
    handle: async ({ body }, tx) => {
      roles.push((await sessionOf(tx))?.['role']);
      if (body.n === '1') await tx.query('SET LOCAL ROLE nobody_here');
    },
    observe: () => undefined,
  });
  const Records = ['1', '2'].map((n) => record({ body: { n } }));
  const answer = await consumer({ Records }, { getRemainingTimeInMillis: () => 10_000 });
  expect(answer).toEqual({ batchItemFailures: [] });
  expect(roles).toEqual(['postgres', 'postgres']);
});

test('one that leaves nothing keeps its connection', async () => {
  const pid = async () => (await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  const before = await pid();
  await run(async (tx) => {
    await tx.query("SET LOCAL app.tenant = 'one'");
    await tx.query('SET CONSTRAINTS ALL DEFERRED');
    await tx.query("SELECT 'SET app.tenant = 1' AS said");
    await tx.query("UPDATE pg_temp.t SET n = 1 WHERE 'set' = 'set'").catch(() => undefined);
  }).catch(() => undefined);
  expect(await pid()).toBe(before);
});

test.each([
  ['UPDATE t SET n = 1', false],
  ['set local x = 1', false],
  ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', false],
  ['set x = 1', true],
  [' ; \n SeT session x = 1', true],
  ['-- SET x\nSELECT 1', false],
  ['SELECT pg_advisory_xact_lock(1)', false],
  ['SELECT pg_try_advisory_lock(1)', true],
  ["SELECT set_config('app.tenant', $1, true)", false],
  ["SELECT set_config('app.tenant', $1, FALSE)", true],
  ['DECLARE c CURSOR FOR SELECT 1', false],
  ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', true],
])('whether a text outlives its transaction: %s', (text, outlives) => {
  expect(factsOf(text).outlives).toBe(outlives);
});
