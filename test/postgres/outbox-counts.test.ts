import { postgresJobPublisher } from '../../runtime/jobs/postgres/index.js';
import { prune } from '../../runtime/postgres/index.js';
import { beginPostgresEpoch, PollingRelay, postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { moved, OutboxDatabase, Sink, source, until } from './outbox-world.js';

const postgres = testPostgres();
const outbox = postgresOutbox({ source });
let db: OutboxDatabase;
beforeEach(async () => {
  db = await OutboxDatabase.of(await postgres.database());
});
afterEach(async () => db.pool.end());

const publish = async (account: string) =>
  db.transaction(async (port) => outbox.publish(port, moved(account)));
const send = async () => new PollingRelay({ pool: db.pool, targets: [new Sink()] }).drain();
/** As when the partition of its day is dropped. */
const forget = async (aggregate: string) =>
  db.query('DELETE FROM exactly_once.outbox WHERE aggregateid = $1', [aggregate]);
const counted = async () =>
  (await db.query('SELECT aggregateid FROM exactly_once.outbox_streams ORDER BY 1, epoch')).map(
    ({ aggregateid }) => aggregateid,
  );

test('R30: the count of an aggregate outlives its events, and the next one goes on from it', async () => {
  await publish('a');
  await send();
  await forget('a');
  expect(await prune({ pool: db.pool })).toMatchObject({ counts: 0 });
  expect((await publish('a')).version).toBe('2');
});

test('counts of an epoch that is over go when nothing of their stream is kept, whoever else has that name', async () => {
  for (const account of ['a', 'b', 'c', 'd']) await publish(account);
  await send();
  const epoch = await beginPostgresEpoch(db.pool);
  await publish('a');
  expect(await prune({ pool: db.pool })).toMatchObject({ counts: 0 });
  for (const account of ['a', 'c', 'd']) await forget(account);
  // What a person is shown of a stream that is stuck is in its count.
  await db.query(
    `INSERT INTO exactly_once.outbox_stuck (stream, target, lane, next, seen, oldest, retry_at)
     SELECT stream, 'sink', 0, 1, 1, now(), now() FROM exactly_once.outbox_streams WHERE aggregateid = 'd'`,
  );
  expect(await prune({ pool: db.pool, batch: 1, dryRun: true })).toMatchObject({ counts: 2 });
  expect(await counted()).toEqual(['a', 'a', 'b', 'c', 'd']);
  expect(await prune({ pool: db.pool, batch: 1 })).toMatchObject({ counts: 2 });
  expect(await counted()).toEqual(['a', 'b', 'd']);
  expect(await publish('a')).toMatchObject({ epoch, version: '2' });
});

test('the count of a job goes with the job, and not before its event; another aggregate keeps its own', async () => {
  const jobs = postgresJobPublisher({
    settings: { consumerName: 'mails', retentionSeconds: 3600 },
    outbox,
  });
  const enqueue = async (jobId: string) =>
    db.transaction(async (port) => jobs.enqueue(port, { jobId, payload: {} }));
  for (const jobId of ['done', 'kept', 'due']) await enqueue(jobId);
  await db.transaction(async (port) =>
    outbox.publish(port, { aggregate: { kind: 'mail', name: 'done' }, type: 'Sent', data: {} }),
  );
  await send();
  for (const jobId of ['done', 'due']) await forget(jobId);
  await db.query("UPDATE exactly_once.jobs SET expires_at = now() - interval '1 s' WHERE job_id <> 'due'");
  expect(await prune({ pool: db.pool })).toMatchObject({ jobs: 2 });
  expect(await counted()).toEqual(['done', 'due', 'kept']);
  // Its job is new, too.
  await enqueue('done');
  expect(await db.value("SELECT id FROM exactly_once.outbox WHERE aggregateid = 'done'")).toBe(
    '1/job.mails/done/1',
  );
  expect(await send()).toBe(1);
});

test('a job that is enqueued again while it is pruned keeps its count', async () => {
  const settings = { consumerName: 'mails', retentionSeconds: 3600 };
  const jobs = postgresJobPublisher({ settings, outbox });
  await db.transaction(async (port) => jobs.enqueue(port, { jobId: 'again', payload: {} }));
  await forget('again');
  await db.query("UPDATE exactly_once.jobs SET expires_at = now() - interval '1 s'");
  await db.transaction(async (port) => {
    await outbox.publish(port, { aggregate: { kind: 'job.mails', name: 'again' }, type: 'x', data: {} });
    expect(await prune({ pool: db.pool })).toMatchObject({ jobs: 1 });
  });
  expect(await counted()).toEqual(['again']);
});

describe('after a crash', () => {
  const crashing = testPostgres();

  test('the epoch is what it was: counts go on', async () => {
    const crashed = await OutboxDatabase.of(await crashing.database());
    const version = async () =>
      crashed.transaction(async (port, client) => {
        // What is committed so is in the log, where a crash finds it.
        await client.query('SET LOCAL synchronous_commit = on');
        return outbox.publish(port, moved('a'));
      });
    const first = await version();
    process.kill(Number(await crashed.value('SELECT pg_backend_pid()')), 'SIGKILL');
    await until(async () => (await crashing.server().log()).includes('all server processes terminated'));
    await until(async () =>
      crashed.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    );
    expect(await version()).toMatchObject({ epoch: first.epoch, version: '2' });
    await crashed.pool.end();
  });
});
