import { Client } from 'pg';
import {
  listen,
  NotPolled,
  outboxGauges,
  PollingRelay,
  postgresOutbox,
} from '../../runtime/postgres/outbox/index.js';
import type { PollingRound } from '../../runtime/postgres/outbox/index.js';
import { NotAccepted } from '../../runtime/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { moved, OutboxDatabase, portOf, Sink, source, until } from './outbox-world.js';

const postgres = testPostgres();
const outbox = postgresOutbox({ source });
let db: OutboxDatabase;
beforeEach(async () => {
  db = await OutboxDatabase.of(await postgres.database());
});
afterEach(async () => db.pool.end());

const publish = async (...accounts: string[]) => db.publish(outbox, ...accounts);
const stuck = async () => db.value('SELECT count(DISTINCT stream)::int FROM exactly_once.outbox_stuck');
const gauges = async () =>
  outboxGauges(portOf(await db.pool.connect().then((client) => (client.release(), client))));
const count = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test('events of every aggregate are sent in the order of their versions, and not again', async () => {
  for (let i = 0; i < 20; i += 1) await publish('a', 'b', 'c', 'a');
  const sink = new Sink();
  const relay = new PollingRelay({ pool: db.pool, targets: [sink], batchEvents: 64 });
  expect(await relay.drain()).toBe(80);
  expect(await relay.drain()).toBe(0);
  expect(sink.versionsOf('a')).toEqual(count(40));
  expect(sink.versionsOf('b')).toEqual(count(20));
  expect(await db.unsent()).toBe(0);
});

test('a transaction that stays open delays nobody else, and its own events are sent when it commits', async () => {
  const open = await db.pool.connect();
  await open.query('BEGIN');
  // It has written, so it has a transaction id, older than all that follow.
  await outbox.publish(portOf(open), moved('slow'));
  const sink = new Sink();
  const relay = new PollingRelay({ pool: db.pool, targets: [sink] });
  for (let i = 0; i < 10; i += 1) {
    await publish('a', 'b');
    expect(await relay.drain()).toBe(2);
  }
  expect(sink.versionsOf('a')).toEqual(count(10));
  expect(sink.versionsOf('slow')).toEqual([]);
  await open.query('COMMIT');
  open.release();
  expect(await relay.drain()).toBe(1);
  expect(sink.versionsOf('slow')).toEqual([1]);
});

test('an aggregate that is refused is listed and waits; nobody else does, and it goes on in order', async () => {
  const sink = new Sink();
  sink.refuses = ({ group }) =>
    group === 'bad' ? new NotAccepted('sink', 'Invalid', 'no', 'final') : undefined;
  const rounds: PollingRound[] = [];
  const relay = new PollingRelay({ pool: db.pool, targets: [sink], observe: (round) => rounds.push(round) });
  await publish('bad', 'a', 'bad', 'b');
  await relay.drain();
  await publish('bad', 'a');
  await relay.drain();
  expect(sink.versionsOf('a')).toEqual([1, 2]);
  expect(sink.versionsOf('bad')).toEqual([]);
  expect(await stuck()).toBe(1);
  expect(rounds.flatMap(({ failures }) => failures)[0]).toMatchObject({ version: '1', target: 'sink' });
  expect((await gauges()).stuckStreams).toBe(1);
  sink.refuses = () => undefined;
  await db.query('UPDATE exactly_once.outbox_stuck SET retry_at = now()');
  await relay.drain();
  expect(sink.versionsOf('bad')).toEqual([1, 2, 3]);
  expect(await stuck()).toBe(0);
  expect(await db.unsent()).toBe(0);
  await publish('bad');
  await relay.drain();
  expect(sink.versionsOf('bad')).toEqual([1, 2, 3, 4]);
});

test('an observer that throws ends nothing: the relay goes on', async () => {
  const sink = new Sink();
  const relay = new PollingRelay({
    ...{ pool: db.pool, targets: [sink], pollMs: 20 },
    observe: () => {
      throw new Error('no metrics today');
    },
  });
  const running = await relay.start();
  for (const n of [1, 2, 3]) {
    await publish('a');
    while (sink.versionsOf('a').length < n) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await running.stop();
  expect(sink.versionsOf('a')).toEqual([1, 2, 3]);
});

test('a target that is down holds up neither the other one nor, once it is back, its own order', async () => {
  const [up, down] = [new Sink('up'), new Sink('down')];
  down.refuses = () => {
    throw Object.assign(new Error('gone'), { name: 'QueueDoesNotExist' });
  };
  await publish('a', 'b');
  const first = new PollingRelay({ pool: db.pool, targets: [up, down] });
  await first.drain();
  await publish('a');
  await new Promise((resolve) => setTimeout(resolve, 600));
  await first.drain();
  expect(up.versionsOf('a')).toEqual([1, 2]);
  down.refuses = () => undefined;
  await db.query('UPDATE exactly_once.outbox_stuck SET retry_at = now()');
  // One that has not found the target down.
  await new PollingRelay({ pool: db.pool, targets: [up, down] }).drain();
  expect(down.versionsOf('a')).toEqual([1, 2]);
  expect(down.versionsOf('b')).toEqual([1]);
  expect(up.versionsOf('a')).toEqual([1, 2]);
  await publish('a');
  await db.query('UPDATE exactly_once.outbox_stuck SET retry_at = now()');
  const second = new PollingRelay({ pool: db.pool, targets: [up, down] });
  await second.drain();
  await second.drain();
  expect([up.versionsOf('a'), down.versionsOf('a')]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect([await stuck(), await db.unsent()]).toEqual([0, 0]);
});

test('a target that takes some types only is told with each event which one came before: no gap', async () => {
  const some = new Sink('some', ['Closed']);
  const event = (type: string) => ({ ...moved('a'), type });
  for (const type of ['Moved', 'Closed', 'Moved', 'Moved', 'Closed'])
    await db.transaction(async (port) => outbox.publish(port, event(type)));
  await new PollingRelay({ pool: db.pool, targets: [some] }).drain();
  const places = some.accepted.map(
    ({ event }) => JSON.parse(event) as { version: string; previousversion?: string },
  );
  expect(places.map(({ version, previousversion }) => [version, previousversion])).toEqual([
    ['2', '0'],
    ['5', '2'],
  ]);
});

test('two relays at once share the lanes: nothing is sent by both, and every aggregate is in order', async () => {
  const sink = new Sink();
  const relays = [1, 2].map(
    () => new PollingRelay({ pool: db.pool, targets: [sink], batchEvents: 50, pollMs: 5 }),
  );
  const running = await Promise.all(relays.map(async (relay) => relay.start()));
  for (let i = 0; i < 40; i += 1) await publish('a', 'b', `c${i % 7}`, `d${i}`, 'a');
  await until(async () => (await db.unsent()) === 0);
  await Promise.all(running.map(async (relay) => relay.stop()));
  expect(sink.accepted).toHaveLength(200);
  expect(sink.versionsOf('a')).toEqual(count(80));
  expect(sink.versionsOf('b')).toEqual(count(40));
});

test('a relay that loses its connection before the marks sends again, and its lanes are free at once', async () => {
  await publish('a', 'b');
  const sink = new Sink();
  sink.refuses = async () => {
    sink.refuses = () => undefined;
    await db.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in trans%'",
    );
  };
  const relay = new PollingRelay({ pool: db.pool, targets: [sink], workers: 1 });
  await expect(relay.drain()).rejects.toThrow();
  expect(await relay.drain()).toBe(2);
  expect(sink.versionsOf('a')).toEqual([1, 1]);
});

test('a publication wakes a relay that listens, long before it would poll', async () => {
  await db.query('UPDATE exactly_once.outbox_control SET notified = true');
  const sink = new Sink();
  const running = await new PollingRelay({ pool: db.pool, targets: [sink], pollMs: 60_000 }).start();
  const client = new Client({ connectionString: db.url });
  await client.connect();
  await listen(client, running);
  for (let i = 1; i <= 3; i += 1) {
    await publish('a');
    await until(() => sink.versionsOf('a').length === i, 5);
  }
  await client.end();
  await running.stop();
});

test('a partition that is past the retention is dropped only when everything in it was sent', async () => {
  const day = "'2020-01-01 12:00+00'";
  await db.query(
    "CREATE TABLE exactly_once.outbox_20200101 PARTITION OF exactly_once.outbox FOR VALUES FROM ('2020-01-01+00') TO ('2020-01-02+00')",
  );
  await db.query('ALTER TABLE exactly_once.outbox DISABLE TRIGGER outbox_number');
  await db.query(
    `INSERT INTO exactly_once.outbox (source, aggregatetype, aggregateid, type, payload, version, epoch, id, stream, created)
     VALUES ('test', 'account', 'old', 'Moved', '{}', 1, '1', 'x', 99, ${day})`,
  );
  await db.query(
    `INSERT INTO exactly_once.outbox_unsent (lane, stream, version, created, bytes) VALUES (hashint8(99) & 63, 99, 1, ${day}, 2)`,
  );
  await db.query('ALTER TABLE exactly_once.outbox ENABLE TRIGGER outbox_number');
  const exists = async () => db.value("SELECT to_regclass('exactly_once.outbox_20200101') IS NOT NULL");
  const sink = new Sink();
  sink.refuses = () => new NotAccepted('sink', 'Invalid', 'no', 'final');
  const relay = new PollingRelay({ pool: db.pool, targets: [sink] });
  await relay.drain();
  await relay.drain();
  expect([await exists(), await stuck()]).toEqual([true, 1]);
  sink.refuses = () => undefined;
  await db.query('UPDATE exactly_once.outbox_stuck SET retry_at = now()');
  await relay.drain();
  expect(await exists()).toBe(true);
  await relay.drain();
  expect([sink.versionsOf('old'), await exists()]).toEqual([[1], false]);
});

test('an event of a day without a partition is kept and sent; neither making nor dropping one waits for a writer', async () => {
  const partitions = await db.query(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'exactly_once.outbox'::regclass AND inhrelid::regclass::text ~ '[0-9]{8}$'",
  );
  expect(partitions).toHaveLength(8);
  for (const { name } of partitions) await db.query(`DROP TABLE ${String(name)}`);
  await db.query(
    "CREATE TABLE exactly_once.outbox_20200101 PARTITION OF exactly_once.outbox FOR VALUES FROM ('2020-01-01+00') TO ('2020-01-02+00')",
  );
  await publish('a');
  const open = await db.pool.connect();
  await open.query('BEGIN');
  await outbox.publish(portOf(open), moved('slow'));
  const sink = new Sink();
  await new PollingRelay({ pool: db.pool, targets: [sink] }).drain();
  await publish('a');
  await new PollingRelay({ pool: db.pool, targets: [sink] }).drain();
  expect(sink.versionsOf('a')).toEqual([1, 2]);
  await open.query('ROLLBACK');
  open.release();
  await new PollingRelay({ pool: db.pool, targets: [sink] }).drain();
  expect(await db.value("SELECT to_regclass('exactly_once.outbox_20200101') IS NULL")).toBe(true);
});

test('polling an outbox that is left to change data capture is refused, and not silent', async () => {
  await db.query('UPDATE exactly_once.outbox_control SET polled = false');
  await expect(new PollingRelay({ pool: db.pool, targets: [new Sink()] }).drain()).rejects.toThrow(NotPolled);
});
