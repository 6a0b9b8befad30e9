import { Pool } from 'pg';
import { NotPolled, postgresOutbox, runPollingRelay } from '../../runtime/postgres/outbox/index.js';
import type { RunPollingRelayOptions } from '../../runtime/postgres/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { OutboxDatabase, Sink, source, until } from './outbox-world.js';

const postgres = testPostgres();
const outbox = postgresOutbox({ source });
let db: OutboxDatabase;
/** The relay's own, on which nobody but itself listens for errors. */
let pool: Pool;
let sink: Sink;
let stop: AbortController;
let written: Record<string, unknown>[];
beforeEach(async () => {
  db = await OutboxDatabase.of(await postgres.database());
  await db.query('UPDATE exactly_once.outbox_control SET notified = true');
  pool = new Pool({ connectionString: db.url, max: 4 });
  sink = new Sink();
  stop = new AbortController();
  written = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(JSON.parse(String(text)) as Record<string, unknown>);
    return true;
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  stop.abort();
  await pool.end();
  await db.pool.end();
});

const publish = async (...accounts: string[]) => db.publish(outbox, ...accounts);
const lines = (kind: string) => written.filter(({ exactlyOnce }) => exactlyOnce === kind);
const listeners = async () =>
  db.value(
    "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'",
  );

/** One that polls by itself after a minute only. */
const run = async (given: Partial<RunPollingRelayOptions> = {}) =>
  runPollingRelay({
    ...{ pool, targets: [sink], outboxName: 'payments', signal: stop.signal, pollMs: 60_000 },
    connection: { connectionString: db.url },
    ...given,
  });

test('publications wake it; it tells how the outbox stands, and what it sends', async () => {
  const running = run({ tellMs: 50 });
  await until(async () => (await listeners()) === 1);
  for (let version = 1; version <= 3; version += 1) {
    await publish('a');
    await until(() => sink.versionsOf('a').length === version, 5);
  }
  await until(async () => (await db.unsent()) === 0);
  const told = lines('outbox').length;
  await until(() => lines('outbox').length > told);
  stop.abort();
  await running;
  expect(sink.versionsOf('a')).toEqual([1, 2, 3]);
  expect(lines('outbox').at(-1)).toMatchObject({ outbox: 'payments', oldestUnsent: 0, stuckStreams: 0 });
  expect(lines('relay').reduce((sum, { sent }) => sum + Number(sent), 0)).toBe(3);
});

test('it ends with what it has under way sent and marked, and what came later is left to others', async () => {
  await publish('a', 'b', 'a');
  let let1: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (let1 = resolve));
  let begun = false;
  sink.refuses = async () => {
    begun = true;
    await held;
  };
  const running = run({ workers: 1 });
  await until(() => begun);
  stop.abort();
  await publish('late');
  let1();
  await running;
  expect(sink.versionsOf('a')).toEqual([1, 2]);
  expect(sink.versionsOf('late')).toEqual([]);
  expect(await db.unsent()).toBe(1);
  expect([pool.totalCount - pool.idleCount, await listeners()]).toEqual([0, 0]);
});

test('a connection that listens is made anew when it ends, and what was published meanwhile is sent at once', async () => {
  const running = run();
  await until(async () => (await listeners()) === 1);
  await db.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'",
  );
  await until(async () => (await listeners()) === 0);
  await publish('a');
  await until(() => sink.versionsOf('a').length === 1, 10);
  await publish('a');
  await until(() => sink.versionsOf('a').length === 2, 10);
  expect(lines('problem')).toMatchObject([{ outbox: 'payments', code: '57P01' }]);
  stop.abort();
  await running;
});

test('a server that ends its idle connections does not end it', async () => {
  const running = run({ pollMs: 50 });
  await publish('a');
  await until(async () => (await db.unsent()) === 0);
  await db.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await until(async () =>
    publish('a').then(
      () => true,
      () => false,
    ),
  );
  await until(() => sink.versionsOf('a').includes(2), 10);
  stop.abort();
  await running;
});

test('a publication that comes while a poll finds nothing is not left for the next pause', async () => {
  let meanwhile: (() => Promise<void>) | undefined;
  const seam = {
    connect: async () => {
      const client = await pool.connect();
      let polls = false;
      return {
        query: async (text: string, values?: unknown[]) => {
          polls ||= text.includes('pg_try_advisory_xact_lock');
          if (polls && text === 'COMMIT') {
            const act = meanwhile;
            meanwhile = undefined;
            await act?.();
          }
          return client.query<Record<string, unknown>>(text, values);
        },
        release: (error?: Error | boolean) => client.release(error),
        on: (_event: 'error', listener: (error: Error) => void) => client.on('error', listener),
        off: (_event: 'error', listener: (error: Error) => void) => client.off('error', listener),
      };
    },
    on: (_event: 'error', listener: (error: Error) => void) => pool.on('error', listener),
    off: (_event: 'error', listener: (error: Error) => void) => pool.off('error', listener),
  };
  const running = run({ pool: seam, workers: 1 });
  await until(async () => (await listeners()) === 1);
  const pause = async () => new Promise((resolve) => setTimeout(resolve, 300));
  await pause();
  // The worker looks, and others of its loops wait, when the publication notifies.
  meanwhile = async () => {
    await pause();
    await publish('a');
    await pause();
  };
  await db.query('NOTIFY exactly_once_outbox');
  await until(() => sink.versionsOf('a').length === 1, 10);
  stop.abort();
  await running;
});

test('an outbox that is left to change data capture ends it at once', async () => {
  await db.query('UPDATE exactly_once.outbox_control SET polled = false');
  await expect(run()).rejects.toThrow(NotPolled);
});
