import { randomBytes } from 'node:crypto';
import { beginPostgresEpoch, PollingRelay, postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { moved, OutboxDatabase, portOf, Sink, source, until } from './outbox-world.js';

const postgres = testPostgres();
const outbox = postgresOutbox({ source });
let db: OutboxDatabase;
beforeEach(async () => {
  db = await OutboxDatabase.of(await postgres.database());
});
afterEach(async () => db.pool.end());

test('an event exists if its transaction commits, with the next version of its aggregate, and else it does not', async () => {
  const publish = async () => db.transaction(async (port) => outbox.publish(port, moved('a')));
  expect(await publish()).toEqual({ id: '1/account/a/1', epoch: '1', version: '1' });
  await expect(
    db.transaction(async (port) => {
      await outbox.publish(port, moved('a'));
      throw new Error('the user changed their mind');
    }),
  ).rejects.toThrow('changed their mind');
  expect((await publish()).version).toBe('2');
  expect(
    await db.query('SELECT version::int AS version, id FROM exactly_once.outbox ORDER BY version'),
  ).toEqual([
    { version: 1, id: '1/account/a/1' },
    { version: 2, id: '1/account/a/2' },
  ]);
});

test('transactions that publish about one aggregate take turns: versions have no gaps and no reader sees n+1 before n', async () => {
  const over = new AbortController();
  const reader = (async () => {
    while (!over.signal.aborted) {
      const [seen] = await db.query(
        'SELECT count(*)::int AS count, coalesce(max(version), 0)::int AS last FROM exactly_once.outbox',
      );
      expect(seen?.['last']).toBe(seen?.['count']);
    }
  })();
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let i = 0; i < 10; i += 1)
        await db
          .transaction(async (port) => {
            await outbox.publish(port, moved('a'));
            if (i % 3 === 1) throw new Error('rolled back');
          })
          .catch(() => undefined);
    }),
  );
  over.abort();
  await reader;
  expect(await db.value('SELECT max(version)::int FROM exactly_once.outbox')).toBe(70);
});

test('rows that COPY and plain INSERTs bring are numbered, too, and cannot say another version, epoch or day', async () => {
  await db.query(
    `INSERT INTO exactly_once.outbox (source, aggregatetype, aggregateid, type, payload, version, epoch, id, stream)
     SELECT 'test', 'account', 'a', 'Moved', '{"n":1}', 77, '9', 'mine', 5 FROM generate_series(1, 3)`,
  );
  expect(await db.query('SELECT id FROM exactly_once.outbox ORDER BY version')).toEqual([
    { id: '1/account/a/1' },
    { id: '1/account/a/2' },
    { id: '1/account/a/3' },
  ]);
  const insert = (payload: string, created: string) =>
    db.query(
      `INSERT INTO exactly_once.outbox (source, aggregatetype, aggregateid, type, payload, created)
       VALUES ('test', 'account', 'a', 'Moved', $1, ${created})`,
      [payload],
    );
  await expect(insert('{}', "now() - interval '2 days'")).rejects.toThrow('leave it out');
  await expect(insert('no json', 'now()')).rejects.toThrow('json');
});

test('what could not be sent is refused before it is written, without quoting it', async () => {
  const refused = async (event: object) =>
    db.transaction(async (port) => outbox.publish(port, { ...moved('a'), ...event }));
  await expect(refused({ aggregate: { kind: 'a/b', name: 'x' } })).rejects.toThrow('kind must be');
  await expect(refused({ aggregate: { kind: 'a', name: 'secret\0' } })).rejects.toThrow('name must be');
  for (const name of ['', 'secret\ud800', 'x'.repeat(1_025)])
    await expect(refused({ aggregate: { kind: 'a', name } })).rejects.toThrow('name must be');
  for (const kind of ['', 'a\0', '\udfff', 'x'.repeat(1_025)])
    await expect(refused({ aggregate: { kind, name: 'x' } })).rejects.toThrow('kind must be');
  for (const type of ['a\0', '\ud800', '\u0001', '\uffff', 'x'.repeat(1_025)])
    await expect(refused({ type })).rejects.toThrow('type must be');
  for (const time of [new Date(-8.64e15), new Date(8.64e15), new Date('0000-06-01T00:00:00Z')])
    await expect(refused({ time })).rejects.toThrow('no valid date');
  await expect(refused({ type: '' })).rejects.toThrow('type must be');
  await expect(refused({ group: '' })).rejects.toThrow('group is empty');
  await expect(refused({ time: new Date(NaN) })).rejects.toThrow('no valid date');
  const large = refused({ data: 'secret'.repeat(60_000) });
  await expect(large).rejects.toThrow('maxEventBytes');
  await expect(large).rejects.not.toThrow('secret');
  expect(await db.value('SELECT count(*)::int FROM exactly_once.outbox')).toBe(0);
  for (const bad of ['a\0', '\ud800', 'x'.repeat(1_025)])
    expect(() => postgresOutbox({ source: bad })).toThrow('source of the outbox');
  expect(() => postgresOutbox({ source: '' })).toThrow('source of the outbox');
  expect(() => postgresOutbox({ source, schema: 'Drop Table' })).toThrow('lower-case');
});

test('names that are too long together for a key are refused, by the transaction that goes on; the longest is published', async () => {
  // What repeats itself would be compressed.
  const random = (bytes: number) => randomBytes(bytes).toString('hex').slice(0, bytes);
  const long = postgresOutbox({ source: random(1_000) });
  const event = (name: number) => ({ ...moved('a'), aggregate: { kind: random(500), name: random(name) } });
  const published = await db.transaction(async (port) => {
    for (const name of [600, 900, 1_024])
      await expect(long.publish(port, event(name))).rejects.toMatchObject({
        name: 'InvalidWrite',
        message: expect.stringContaining('use a hash'),
      });
    return long.publish(port, event(510));
  });
  expect(published.version).toBe('1');
});

test('numbers that a double cannot hold are sent to the digit', async () => {
  const data = { cents: 12345678901234567890n, odd: 'a\u0000b\uD800' };
  await db.transaction(async (port) => outbox.publish(port, { ...moved('a'), data }));
  const sink = new Sink();
  await new PollingRelay({ pool: db.pool, targets: [sink] }).drain();
  expect(sink.accepted[0]?.event).toContain('"data":{"cents":12345678901234567890,"odd":"a\\u0000b\\ud800"}');
});

test('no commit bears an epoch that was over before it, also of a transaction that began under it', async () => {
  const early = await db.pool.connect();
  await early.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  // The snapshot of the first statement is that of the whole transaction.
  await early.query('SELECT 1 FROM exactly_once.outbox');
  const first = await db.transaction(async (port) => outbox.publish(port, moved('a')));
  const epoch = await beginPostgresEpoch(db.pool);
  expect(Number(epoch)).toBeGreaterThan(Number(first.epoch));
  expect(await outbox.publish(portOf(early), moved('a'))).toMatchObject({ epoch, version: '1' });
  await early.query('COMMIT');
  early.release();
});

test('an epoch waits for transactions that have published, and keeps nobody waiting meanwhile', async () => {
  const open = await db.pool.connect();
  await open.query('BEGIN');
  await outbox.publish(portOf(open), moved('slow'));
  let begun = false;
  const epoch = beginPostgresEpoch(db.pool).then((name) => {
    begun = true;
    return name;
  });
  for (let i = 0; i < 5; i += 1)
    expect((await db.transaction(async (port) => outbox.publish(port, moved('a')))).epoch).toBe('1');
  expect(begun).toBe(false);
  await open.query('COMMIT');
  open.release();
  await until(() => begun);
  expect((await db.transaction(async (port) => outbox.publish(port, moved('a')))).epoch).toBe(await epoch);
});
