import {
  listStuckPostgres,
  PollingRelay,
  postgresOutbox,
  resendPostgresEvents,
  skipPostgresEvent,
} from '../../runtime/postgres/outbox/index.js';
import { NotAccepted } from '../../runtime/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { OutboxDatabase, Sink, source, until } from './outbox-world.js';

const postgres = testPostgres();
const outbox = postgresOutbox({ source });
const no = new NotAccepted('bad', 'Invalid', 'no', 'final');
let db: OutboxDatabase;
let bad: Sink;
let good: Sink;
beforeEach(async () => {
  db = await OutboxDatabase.of(await postgres.database());
  [bad, good] = [new Sink('bad'), new Sink('good')];
});
afterEach(async () => db.pool.end());

const due = async (target: string) =>
  db.query('UPDATE exactly_once.outbox_stuck SET retry_at = now() WHERE target = $1', [target]);
const listed = async () =>
  (await listStuckPostgres(db.pool)).map(({ target, version, attempts, error }) => ({
    ...{ target, version, attempts, error },
  }));

test('a target that refuses is asked less and less often, and its error stays, while others get what is new', async () => {
  bad.refuses = () => no;
  await db.publish(outbox, 'a');
  const relay = new PollingRelay({ pool: db.pool, targets: [bad, good] });
  await relay.drain();
  for (let version = 2; version <= 5; version += 1) {
    await due('bad');
    await relay.drain();
    const waits = await db.value("SELECT retry_at::text FROM exactly_once.outbox_stuck WHERE target = 'bad'");
    await db.publish(outbox, 'a');
    await due('good');
    await relay.drain();
    expect(good.versionsOf('a')).toHaveLength(version);
    expect(await listed()).toEqual([
      { target: 'bad', version: '1', attempts: version, error: 'NotAccepted' },
      { target: 'good', version: String(version + 1), attempts: 0, error: undefined },
    ]);
    expect(await db.value("SELECT retry_at::text FROM exactly_once.outbox_stuck WHERE target = 'bad'")).toBe(
      waits,
    );
  }
  bad.refuses = () => undefined;
  await due('bad');
  await relay.drain();
  expect(bad.versionsOf('a')).toEqual([1, 2, 3, 4, 5]);
  expect(await listed()).toEqual([]);
});

test('of what is sent again, the event that is refused is the one that is listed and passed over', async () => {
  await db.publish(outbox, 'a', 'a', 'a');
  const relay = new PollingRelay({ pool: db.pool, targets: [bad, good] });
  await relay.drain();
  bad.refuses = ({ version }) => (version === 2n ? no : undefined);
  await resendPostgresEvents(db.pool);
  const running = await relay.start();
  await until(async () => (await listed()).some(({ error }) => error !== undefined));
  await running.stop();
  const streams = await listStuckPostgres(db.pool);
  expect(streams.map(({ target }) => target)).toEqual(['bad', 'good']);
  const stream = streams[0]?.stream ?? '';
  expect(await skipPostgresEvent(db.pool, { stream, dryRun: true })).toEqual({
    version: '2',
    targets: ['bad'],
  });
  expect(await skipPostgresEvent(db.pool, { stream })).toEqual({ version: '2', targets: ['bad'] });
  await relay.drain();
  expect(bad.versionsOf('a').at(-1)).toBe(3);
  expect(good.versionsOf('a')).toEqual([1, 2, 3, 1, 2, 3]);
  expect(await listed()).toEqual([]);
});
