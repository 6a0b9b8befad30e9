import { randomUUID } from 'node:crypto';
import type { CdcNews } from '../../runtime/postgres/outbox/index.js';
import { CdcRelay, postgresOutbox, slotGauges } from '../../runtime/postgres/outbox/index.js';
import { NotAccepted } from '../../runtime/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { moved, OutboxDatabase, portOf, Sink, source, until } from './outbox-world.js';

const postgres = testPostgres({ settings: { max_replication_slots: 20, max_wal_senders: 20 } });
const outbox = postgresOutbox({ source });
let db: OutboxDatabase;
let slot: string;
const running = new Set<{ stop(): Promise<void> }>();
beforeEach(async () => {
  db = await OutboxDatabase.of(await postgres.database());
  await db.query('UPDATE exactly_once.outbox_control SET polled = false');
  slot = `s_${randomUUID().replaceAll('-', '')}`;
});
afterEach(async () => {
  for (const relay of running) await relay.stop();
  running.clear();
  await db.dropSlot(slot);
  await db.pool.end();
});

const publish = async (...accounts: string[]) => db.publish(outbox, ...accounts);
const count = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const news: CdcNews[] = [];

function start(sink: Sink, options: object = {}) {
  news.length = 0;
  const relay = new CdcRelay({
    connection: { connectionString: db.url },
    ...{ pool: db.pool, targets: [sink], slot, lingerMs: 1, heartbeatMs: 200, ...options },
    observe: (one) => news.push(one),
  }).start();
  running.add(relay);
  return {
    stop: async () => {
      running.delete(relay);
      await relay.stop();
    },
  };
}

/** It has made its slot, which has to wait for transactions that are open. */
const follows = async () => until(async () => (await position()) !== undefined);
const resends = () => news.flatMap(({ resend }) => resend ?? []);
const sent = (sink: Sink, aggregate: string, n: number) =>
  until(() => sink.versionsOf(aggregate).length >= n);
const position = async () => db.value('SELECT end_lsn::text FROM exactly_once.outbox_positions');
const confirmed = async () =>
  db.value('SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = $1', [slot]);

test('what commits is sent in the order of commits, what was there before the slot too, and nothing again after a stop', async () => {
  await publish('a', 'a');
  const sink = new Sink();
  const relay = start(sink);
  await sent(sink, 'a', 2);
  expect(resends()).toEqual(['new-slot']);
  for (let i = 0; i < 5; i += 1) await publish('a', 'b');
  await sent(sink, 'b', 5);
  await relay.stop();
  await publish('a');
  start(sink);
  await sent(sink, 'a', 8);
  expect(sink.versionsOf('a')).toEqual(count(8));
  expect(sink.versionsOf('b')).toEqual(count(5));
  expect(resends()).toEqual([]);
  expect(await db.unsent()).toBe(0);
});

test('the server is told to let go exactly what was sent and marked: not a byte of the next transaction', async () => {
  const sink = new Sink();
  start(sink, { heartbeatMs: 60_000 });
  await publish('a');
  await sent(sink, 'a', 1);
  await until(async () => (await confirmed()) === (await position()));
  await publish('a');
  await sent(sink, 'a', 2);
  await until(async () => (await confirmed()) === (await position()));
});

test('the slot of an idle outbox follows the log that others write, by heartbeats', async () => {
  const sink = new Sink();
  start(sink);
  await follows();
  await db.query(
    'CREATE TABLE others AS SELECT repeat(md5(n::text), 30) AS text FROM generate_series(1, 5000) n',
  );
  const written = await db.value('SELECT pg_current_wal_lsn()::text');
  await until(async () =>
    Boolean(
      await db.value('SELECT confirmed_flush_lsn >= $2 FROM pg_replication_slots WHERE slot_name = $1', [
        slot,
        written,
      ]),
    ),
  );
  const gauges = await slotGauges(
    { executeSql: async (text, values) => db.pool.query(text, [...values]) },
    slot,
  );
  expect(gauges).toMatchObject({ usable: true, safeBytes: undefined });
  expect(gauges.lagSeconds).toBeLessThan(30);
});

test('two transactions that interleave for long are each sent whole, in the order in which they commit', async () => {
  const sink = new Sink();
  start(sink);
  await follows();
  const [one, two] = [await db.pool.connect(), await db.pool.connect()];
  await one.query('BEGIN');
  await two.query('BEGIN');
  for (let i = 0; i < 300; i += 1) {
    await outbox.publish(portOf(one), moved('one'));
    await outbox.publish(portOf(two), moved('two'));
    if (i % 100 === 0) await publish('other');
  }
  await sent(sink, 'other', 3);
  expect([sink.versionsOf('one'), sink.versionsOf('two')]).toEqual([[], []]);
  await Promise.all([two.query('COMMIT'), one.query('COMMIT')]);
  one.release();
  two.release();
  await sent(sink, 'one', 300);
  await sent(sink, 'two', 300);
  expect(sink.versionsOf('one')).toEqual(count(300));
  expect(sink.versionsOf('two')).toEqual(count(300));
});

test('a relay whose new slot waits for a transaction that is open can be stopped, and comes to its slot later', async () => {
  const open = await db.pool.connect();
  await open.query('BEGIN');
  await outbox.publish(portOf(open), moved('slow'));
  const sink = new Sink();
  const relay = start(sink);
  await until(() => resends().length > 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await relay.stop();
  expect(await position()).toBeUndefined();
  start(sink);
  await open.query('COMMIT');
  open.release();
  await sent(sink, 'slow', 1);
});

test('a transaction larger than a batch is sent in parts, and goes on after the last part that was marked', async () => {
  const sink = new Sink();
  sink.refuses = () => (sink.accepted.length >= 450 ? Promise.reject(new Error('down')) : undefined);
  const relay = start(sink, { batchEvents: 100 });
  await follows();
  await db.query(
    `INSERT INTO exactly_once.outbox (source, aggregatetype, aggregateid, type, payload)
     SELECT 'test', 'account', 'large', 'Moved', '{}' FROM generate_series(1, 1000)`,
  );
  await until(
    async () => Number(await db.value('SELECT partial_ordinal FROM exactly_once.outbox_positions')) >= 300,
  );
  await until(() => news.some(({ failures }) => failures.length > 0));
  const before = Number(await db.value('SELECT partial_ordinal FROM exactly_once.outbox_positions'));
  await relay.stop();
  const mark = sink.accepted.length;
  sink.refuses = () => undefined;
  start(sink, { batchEvents: 100 });
  await until(() => sink.versionsOf('large').includes(1000));
  expect(Math.min(...sink.versionsOf('large').slice(mark))).toBeGreaterThanOrEqual(Math.min(before, mark));
  expect([...new Set(sink.versionsOf('large'))]).toEqual(count(1000));
});

test('a slot that was dropped is made anew, and the last days are sent once more in the order of versions', async () => {
  const sink = new Sink();
  const relay = start(sink);
  await publish('a', 'b', 'a');
  await sent(sink, 'a', 2);
  await relay.stop();
  await publish('a', 'b');
  await db.dropSlot(slot);
  await publish('a');
  sink.accepted.length = 0;
  start(sink);
  await sent(sink, 'a', 4);
  expect(resends()).toEqual(['new-slot']);
  expect(sink.versionsOf('a')).toEqual(count(4));
  expect(sink.versionsOf('b')).toEqual(count(2));
  await publish('a');
  await sent(sink, 'a', 5);
});

test('of the last days, an event that was stamped before the version ahead of it is not left out', async () => {
  await publish('a');
  await publish('a');
  await publish('a');
  // It waited for the count of its stream, for longer than lay between its stamp and the end of the last days.
  await db.query('ALTER TABLE exactly_once.outbox DISABLE TRIGGER USER');
  const days = "now() - interval '1 day'";
  const before = `CREATE TABLE exactly_once.outbox_before PARTITION OF exactly_once.outbox DEFAULT`;
  await db.query(before).catch(() => undefined);
  await db.query(
    `UPDATE exactly_once.outbox SET created = ${days} - interval '1 minute' WHERE version IN (1, 3)`,
  );
  await db.query(`UPDATE exactly_once.outbox SET created = ${days} + interval '5 minutes' WHERE version = 2`);
  const sink = new Sink();
  start(sink, { retentionDays: 1 });
  await until(() => sink.accepted.length > 0);
  await follows();
  expect(sink.versionsOf('a')).toEqual([2, 3]);
});

test('a slot that the server has given up, because it was too far behind, is made anew, and nothing is lost', async () => {
  const sink = new Sink();
  // Only Postgres 17 and later give slots to a standby.
  const failover = (await db.value("SELECT current_setting('server_version_num')::int >= 170000")) === true;
  const relay = start(sink, { failover });
  await publish('a');
  await sent(sink, 'a', 1);
  const flag = "SELECT to_jsonb(s)->>'failover' FROM pg_replication_slots s WHERE slot_name = $1";
  expect(await db.value(flag, [slot])).toBe(failover ? 'true' : null);
  await relay.stop();
  await publish('a', 'a');
  await db.query("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
  await db.query('SELECT pg_reload_conf()');
  try {
    await until(async () => {
      await db.query('SELECT pg_logical_emit_message(false, $1, $2)', ['noise', 'x']);
      await db.query('SELECT pg_switch_wal()');
      await db.query('CHECKPOINT');
      return (
        (await db.value('SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1', [slot])) ===
        'lost'
      );
    });
  } finally {
    await db.query('ALTER SYSTEM RESET max_slot_wal_keep_size');
    await db.query('SELECT pg_reload_conf()');
  }
  sink.accepted.length = 0;
  start(sink);
  await sent(sink, 'a', 3);
  expect(resends()).toEqual(['lost-slot']);
  expect(sink.versionsOf('a')).toEqual(count(3));
  await publish('a');
  await sent(sink, 'a', 4);
});

test('a slot that is ahead of the position is not gone on with in silence', async () => {
  const sink = new Sink();
  const relay = start(sink);
  await publish('a');
  await sent(sink, 'a', 1);
  await relay.stop();
  await publish('a');
  const end = await db.value('SELECT pg_current_wal_insert_lsn()::text');
  await until(async () => Boolean(await db.value('SELECT pg_current_wal_flush_lsn() >= $1', [end])));
  await db.query('SELECT pg_replication_slot_advance($1, $2)', [slot, end]);
  start(sink);
  await sent(sink, 'a', 3);
  expect(resends()).toEqual(['slot-ahead']);
  expect(sink.versionsOf('a')).toEqual([1, 1, 2]);
});

test('a position of another cluster is not compared with this one', async () => {
  const sink = new Sink();
  const relay = start(sink);
  await publish('a');
  await sent(sink, 'a', 1);
  await relay.stop();
  await db.query("UPDATE exactly_once.outbox_positions SET system_id = '1', end_lsn = 'FFFF/0'");
  start(sink);
  await sent(sink, 'a', 2);
  expect(resends()).toEqual(['other-log']);
});

test('of two relays one stands by, and takes over when the other one ends', async () => {
  const [first, second] = [new Sink('first'), new Sink('second')];
  const one = start(first);
  await publish('a');
  await sent(first, 'a', 1);
  start(second);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await publish('a');
  await sent(first, 'a', 2);
  expect(second.accepted).toEqual([]);
  await one.stop();
  await publish('a');
  await sent(second, 'a', 1);
  expect(second.versionsOf('a')).toEqual([3]);
});

test('an aggregate that is refused is listed, the log goes on, and it is sent in order when it is taken', async () => {
  const sink = new Sink();
  sink.refuses = ({ group }) =>
    group === 'bad' ? new NotAccepted('sink', 'Invalid', 'no', 'final') : undefined;
  start(sink);
  await publish('bad', 'a', 'bad');
  await sent(sink, 'a', 1);
  await publish('bad', 'a');
  await sent(sink, 'a', 2);
  await until(async () => (await confirmed()) === (await position()));
  expect(sink.versionsOf('bad')).toEqual([]);
  sink.refuses = () => undefined;
  await sent(sink, 'bad', 3);
  await until(async () => (await db.value('SELECT count(*)::int FROM exactly_once.outbox_stuck')) === 0);
  await publish('bad');
  await sent(sink, 'bad', 4);
  expect(sink.versionsOf('bad')).toEqual(count(4));
});

test('both relays at once on one outbox: polling finds nothing left that the log has brought', async () => {
  await db.query('UPDATE exactly_once.outbox_control SET polled = true');
  const sink = new Sink();
  start(sink);
  await publish('a', 'a');
  await sent(sink, 'a', 2);
  await until(async () => (await db.unsent()) === 0);
});
