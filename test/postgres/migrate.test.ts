import type { Pool } from 'pg';
import { DependencyFailed } from '../../runtime/dedup/errors.js';
import { Meter } from '../../runtime/dedup/meter.js';
import { NewerSchema, SchemaNotReady } from '../../runtime/postgres/errors.js';
import { migrate } from '../../runtime/postgres/migrate.js';
import { migrations } from '../../runtime/postgres/migrations/index.js';
import { prune } from '../../runtime/postgres/prune.js';
import { assertSchema } from '../../runtime/postgres/schema.js';
import { runCommandLine } from '../../cli/run.js';
import { testPostgres } from '../fixtures/postgres.js';

const postgres = testPostgres();
const limits = () => ({ deadline: Date.now() + 10_000, meter: new Meter() });
const versions = migrations.map(({ version }) => version);
const database = async () => postgres.pool({ isEmpty: true });
afterAll(() => {
  process.exitCode = undefined;
});

const applied = async (pool: Pool) =>
  (await pool.query<{ version: number }>('SELECT version FROM exactly_once.migrations ORDER BY 1')).rows.map(
    ({ version }) => version,
  );

test('the steps have one number each, in their order', () => {
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
});

test('a second run changes nothing, and a dry run never does', async () => {
  const { pool } = await database();
  expect((await migrate({ pool, dryRun: true })).map(({ version }) => version)).toEqual(versions);
  await expect(applied(pool)).rejects.toThrow('does not exist');
  expect(await migrate({ pool })).toHaveLength(versions.length);
  expect(await migrate({ pool })).toEqual([]);
  expect(await migrate({ pool, dryRun: true })).toEqual([]);
  expect(await applied(pool)).toEqual(versions);
});

test('of eight at once each step is applied by one', async () => {
  const { pool } = await database();
  const done = await Promise.all(Array.from({ length: 8 }, async () => migrate({ pool })));
  expect(done.flat()).toHaveLength(versions.length);
  expect(await applied(pool)).toEqual(versions);
});

test('a step that fails leaves nothing of the run', async () => {
  const { pool } = await database();
  const steps = [
    ...migrations,
    { version: 900, name: 'broken', sql: 'CREATE TABLE exactly_once.x (y nonsense)' },
  ];
  await expect(migrate({ pool }, steps)).rejects.toThrow('nonsense');
  await expect(applied(pool)).rejects.toThrow('does not exist');
  expect(await migrate({ pool })).toHaveLength(versions.length);
});

test('a step with a lower number than one that is there is still applied', async () => {
  const { pool } = await database();
  await migrate({ pool });
  const steps = [
    { version: 801, name: 'late', sql: 'CREATE TABLE exactly_once.late ()' },
    { version: 802, name: 'early', sql: 'CREATE TABLE exactly_once.early ()' },
  ];
  const [late, early] = steps;
  if (late === undefined || early === undefined) throw new Error('no steps');
  await migrate({ pool }, [...migrations, early]);
  expect(await migrate({ pool }, [...migrations, late, early])).toEqual([late]);
});

test('R17: a runtime refuses a schema that is not there, too old or newer, and looks again', async () => {
  const { pool } = await database();
  await expect(assertSchema(pool, limits())).rejects.toThrow(SchemaNotReady);
  await migrate({ pool }, migrations.slice(0, 1));
  await expect(assertSchema(pool, limits())).rejects.toThrow(SchemaNotReady);
  await migrate({ pool });
  await assertSchema(pool, limits());
  const other = await database();
  await migrate({ pool: other.pool });
  await other.pool.query("INSERT INTO exactly_once.migrations VALUES (999, 'of the future')");
  await expect(assertSchema(other.pool, limits())).rejects.toThrow(NewerSchema);
  await expect(migrate({ pool: other.pool })).rejects.toThrow(NewerSchema);
});

/** What a command prints, and how it ends. */
async function command(...args: string[]): Promise<{ out: string; code: unknown }> {
  const printed: string[] = [];
  const write = (text: unknown) => {
    printed.push(String(text));
    return true;
  };
  const spies = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation(write as never),
  );
  process.exitCode = undefined;
  try {
    await runCommandLine(args);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { out: printed.join(''), code: process.exitCode };
}

test('the command migrates, says what it would do, and prints the statements', async () => {
  const { url, pool } = await database();
  const dry = await command('postgres', 'migrate', '--url', url, '--dry-run');
  expect(dry.out).toContain('1 receipts would be applied');
  const sql = await command('postgres', 'migrate', '--url', url, '--sql');
  expect(sql.out).toContain('CREATE TABLE exactly_once.receipts');
  await expect(applied(pool)).rejects.toThrow('does not exist');
  const done = await command('postgres', 'migrate', '--url', url);
  expect(done.out).toContain('1 receipts is applied');
  expect(done.code).toBeUndefined();
  expect((await command('postgres', 'migrate', '--url', url)).out).toContain('up to date');
  const failed = await command('postgres', 'migrate', '--url', 'postgres://postgres@127.0.0.1:1/x');
  expect(failed.out).toContain('could not run');
  expect(failed.code).toBe(2);
});

test('the statements that are printed are all that migrating does', async () => {
  for (const done of [0, 3]) {
    const { url, pool } = await database();
    if (done > 0) await migrate({ pool }, migrations.slice(0, done));
    const { out } = await command('postgres', 'migrate', '--url', url, '--sql');
    await pool.query(out);
    expect(await migrate({ pool })).toEqual([]);
    await assertSchema(pool, limits());
    const { rows } = await pool.query('SELECT version, name FROM exactly_once.migrations ORDER BY version');
    expect(rows).toEqual(migrations.map(({ version, name }) => ({ version, name })));
    const nothing = await command('postgres', 'migrate', '--url', url, '--sql');
    await pool.query(nothing.out);
    expect(nothing.out).toContain('up to date');
  }
});

test('what is left at the end of the time is left to the next run, which is told what is gone', async () => {
  const { pool } = await database();
  await migrate({ pool });
  const add =
    "SELECT 'c#' || i, 'f', gen_random_uuid(), now() - interval '1 hour' FROM generate_series(1, 20000) i";
  await pool.query(`INSERT INTO exactly_once.receipts (id, fingerprint, token, expires_at) ${add}`);
  const left = async () =>
    Number((await pool.query<{ n: string }>('SELECT count(*) AS n FROM exactly_once.receipts')).rows[0]?.n);
  const { receipts } = await prune({ pool, batch: 1, timeoutSeconds: 2 });
  expect(receipts).toBeGreaterThan(0);
  // The server may have done what nobody waited for any more.
  expect([0, 1]).toContain(20_000 - receipts - (await left()));
  expect(await left()).toBeGreaterThan(0);
  await prune({ pool });
  expect(await left()).toBe(0);
});

test('a prune to which the database never answers fails', async () => {
  const { pool } = await database();
  await migrate({ pool });
  const holder = await pool.connect();
  await holder.query('BEGIN; LOCK TABLE exactly_once.jobs');
  await expect(prune({ pool, timeoutSeconds: 0.3 })).rejects.toThrow(DependencyFailed);
  await holder.query('ROLLBACK');
  holder.release();
});

test('what has expired is pruned in batches, and nothing else', async () => {
  const { url, pool } = await database();
  await migrate({ pool });
  await pool.query(
    "INSERT INTO exactly_once.receipts (id, fingerprint, token, expires_at) SELECT 'c#' || i, 'f', gen_random_uuid(), " +
      "now() + CASE WHEN i <= 700 THEN -1 ELSE 1 END * interval '1 hour' FROM generate_series(1, 1000) i",
  );
  await pool.query(
    "INSERT INTO exactly_once.leases (id, status, fence, ends_at, first_call_at, attention, expires_at) SELECT i, 'UNKNOWN', " +
      "'f', 0, 0, CASE WHEN i = '1' THEN 'c' END, now() - interval '1 hour' FROM unnest(ARRAY['1', '2']) i",
  );
  expect(await prune({ pool, dryRun: true })).toMatchObject({ receipts: 700, leases: 1 });
  expect(await prune({ pool, batch: 30 })).toEqual({
    ...{ receipts: 700, histories: 0, holes: 0, leases: 1, jobs: 0, counts: 0 },
  });
  const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM exactly_once.receipts');
  expect(rows[0]?.count).toBe('300');
  expect((await command('postgres', 'prune', '--url', url)).out).toContain('receipts: 0 deleted');
});
