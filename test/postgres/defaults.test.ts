import { Pool } from 'pg';
import { listPostgresBlocked, migrate } from '../../runtime/postgres/index.js';
import {
  CdcRelay,
  listStuckPostgres,
  PollingRelay,
  postgresOutbox,
  skipPostgresEvent,
} from '../../runtime/postgres/outbox/index.js';
import { NotAccepted } from '../../runtime/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { moved, OutboxDatabase, Sink, source, until } from './outbox-world.js';

const postgres = testPostgres();
const outbox = postgresOutbox({ source });
const pools: Pool[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.end();
});

/** A database whose sessions have other settings than Postgres comes with. */
async function databaseWith(settings: Readonly<Record<string, string>>): Promise<string> {
  const url = await postgres.database();
  const pool = new Pool({ connectionString: url });
  for (const [name, value] of Object.entries(settings))
    await pool.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET ${name} = '${value}'`);
  await pool.end();
  return url;
}

async function outboxWith(settings: Readonly<Record<string, string>>): Promise<OutboxDatabase> {
  const db = await OutboxDatabase.of(await databaseWith(settings));
  pools.push(db.pool);
  return db;
}

describe.each(['read committed', 'repeatable read', 'serializable'])(
  'transactions by default %s',
  (level) => {
    const settings = { default_transaction_isolation: level };

    test('several migrate at once: each step is applied once, and nobody fails', async () => {
      const pool = new Pool({ connectionString: await databaseWith(settings), max: 4 });
      pools.push(pool);
      const applied = await Promise.all(Array.from({ length: 4 }, async () => migrate({ pool })));
      expect(applied.map(({ length }) => length).filter((length) => length > 0)).toHaveLength(1);
    });

    test('who passes over an event while a relay tries it sees what the relay has made of it', async () => {
      const db = await outboxWith(settings);
      await db.publish(outbox, 'a', 'a');
      const sink = new Sink();
      sink.refuses = () => new NotAccepted('sink', 'Invalid', 'no', 'final');
      const relay = new PollingRelay({ pool: db.pool, targets: [sink] });
      await relay.drain();
      const [listed] = await listStuckPostgres(db.pool);
      await db.query('UPDATE exactly_once.outbox_stuck SET retry_at = now()');
      const tries = Promise.withResolvers<undefined>();
      const goOn = Promise.withResolvers<undefined>();
      sink.refuses = async ({ version }) => {
        if (version !== 2n) return undefined;
        tries.resolve(undefined);
        await goOn.promise;
        return new NotAccepted('sink', 'Invalid', 'no', 'final');
      };
      const running = relay.start();
      await tries.promise;
      const skipped = skipPostgresEvent(db.pool, { stream: listed?.stream ?? '' });
      const waits = "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
      await until(async () => Number(await db.value(waits)) > 0);
      goOn.resolve(undefined);
      expect(await skipped).toEqual({ version: '2', targets: ['sink'] });
      await (await running).stop();
    });
  },
);

test('where transactions are read-only by default, the tables are made all the same', async () => {
  const pool = new Pool({ connectionString: await databaseWith({ default_transaction_read_only: 'on' }) });
  pools.push(pool);
  expect((await migrate({ pool })).length).toBeGreaterThan(0);
});

describe.each(['ISO, DMY', 'SQL, DMY', 'German', 'Postgres, MDY'])('dates written as %s', (datestyle) => {
  const settings = { datestyle, timezone: 'Europe/Berlin' };
  const time = new Date('2026-03-02T10:00:00.123Z');
  const timeOf = (sink: Sink) =>
    sink.accepted.map(({ event }) => (JSON.parse(event) as { time: string }).time);
  const publish = async (db: OutboxDatabase, account: string) =>
    db.transaction(async (port) => outbox.publish(port, { ...moved(account), time }));

  test('a relay that polls sends events with their times, and lists say since when', async () => {
    const db = await outboxWith(settings);
    await publish(db, 'a');
    const sink = new Sink();
    const before = Date.now();
    sink.refuses = () => new NotAccepted('sink', 'Invalid', 'no', 'final');
    await new PollingRelay({ pool: db.pool, targets: [sink] }).drain();
    const [stuck] = await listStuckPostgres(db.pool);
    expect(Math.abs(Date.parse(stuck?.since ?? '') - before)).toBeLessThan(60_000);
    sink.refuses = () => undefined;
    await publish(db, 'b');
    await new PollingRelay({ pool: db.pool, targets: [sink] }).drain();
    expect(timeOf(sink)).toEqual([time.toISOString()]);
    await db.query(
      "INSERT INTO exactly_once.leases (id, status, fence, ends_at, first_call_at, attention, since, expires_at) VALUES ('l', 'UNKNOWN', " +
        "'f', 0, 0, 'c', now(), now())",
    );
    const [blocked] = await listPostgresBlocked(db.pool, 'c');
    expect(Math.abs(Date.parse(blocked?.since ?? '') - before)).toBeLessThan(60_000);
  });

  test('one that reads the log sends them, too', async () => {
    const db = await outboxWith(settings);
    await db.query('UPDATE exactly_once.outbox_control SET polled = false');
    const sink = new Sink();
    const slot = `s_${datestyle.replace(/\W/g, '').toLowerCase()}`;
    const relay = new CdcRelay({
      ...{ connection: { connectionString: db.url }, pool: db.pool, targets: [sink], slot, lingerMs: 1 },
    }).start();
    try {
      const position = async () => db.value('SELECT end_lsn::text FROM exactly_once.outbox_positions');
      await until(async () => (await position()) !== undefined);
      await publish(db, 'a');
      await until(() => sink.accepted.length > 0);
      expect(timeOf(sink)).toEqual([time.toISOString()]);
    } finally {
      await relay.stop();
      await db.dropSlot(slot);
    }
  });
});
