import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import * as z from 'zod/mini';
import { armCrashPoints } from '../../runtime/dedup/crash-points.js';
import {
  jobEventType,
  KeyReused,
  postgresJobPublisher,
  postgresJobWorker,
  type JobToEnqueue,
} from '../../runtime/jobs/postgres/index.js';
import { queueTarget } from '../../runtime/outbox/index.js';
import { fromPg, postgresConsumer, prune } from '../../runtime/postgres/index.js';
import { PollingRelay, postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import { dynamo } from '../fixtures/dynamo.js';
import { testPostgres } from '../fixtures/postgres.js';
import { record, sqs as newSqs } from '../fixtures/queue.js';
import {
  acted,
  consumerName,
  count,
  newNamesOn,
  poolOf,
  queueClient,
  silentJobs,
  start,
  waitingIn,
  worker,
  type JobNames,
  type Tx,
} from './job-bench.js';

const client = dynamo();
const sqs = newSqs();
const postgres = testPostgres();
let names: JobNames;
let pool: Pool;
let jobs: ReturnType<typeof queueClient>;
let stop: (() => Promise<void>) | undefined;

beforeEach(async () => {
  names = await newNamesOn('Postgres', postgres, client, sqs);
  pool = poolOf(names.postgres ?? '');
  jobs = queueClient(names, client, sqs);
});
afterEach(async () => {
  armCrashPoints(undefined);
  await stop?.();
  stop = undefined;
});
afterAll(() => {
  client.destroy();
  sqs.destroy();
});

function work(run: (tx: Tx) => unknown = () => undefined): void {
  stop = start(
    names,
    sqs,
    worker(names, client, sqs, async ({ jobId }, tx) => {
      await run(tx);
      await count(names, jobId, tx);
    }),
  );
}
async function until(jobId: string, state: string): Promise<void> {
  while ((await jobs.getJob(jobId))?.state !== state) await sleep(50);
}
async function gone(): Promise<void> {
  while ((await waitingIn(sqs, names.queueUrl)) > 0) await sleep(50);
}
const value = async (name: string) => acted(names, client, name);

/** Messages that count, and enqueue a job each in the same commit. @returns whether the message is acknowledged. */
function ordering(job: (key: string) => JobToEnqueue, isolation?: 'serializable') {
  const publisher = postgresJobPublisher({
    settings: { consumerName, retentionSeconds: 3600 },
    outbox: postgresOutbox({ source: 'orders' }),
  });
  const consumer = postgresConsumer({
    settings: { consumerName: 'orders', deadLetterQueueUrl: names.deadLetterQueueUrl, maxFailures: 100 },
    receiptRetentionSeconds: 3600,
    ...{ schema: z.object({ key: z.string() }), pool, isolation, sqs, observe: () => undefined },
    key: ({ body }) => body.key,
    handle: async ({ body: { key } }, tx) => {
      await count(names, `order ${key}`, tx);
      await publisher.enqueue(fromPg(tx), job(key));
    },
  });
  return async (key: string) => {
    const event = { Records: [record({ body: { key } })] };
    return (await consumer(event, { getRemainingTimeInMillis: () => 20_000 })).batchItemFailures.length === 0;
  };
}

/** Sends what is in the outbox. */
async function relay(): Promise<number> {
  const targets = [
    queueTarget({ queueUrl: names.queueUrl, client: sqs, types: [jobEventType(consumerName)] }),
  ];
  return new PollingRelay({ pool, targets }).drain();
}

test('a job is enqueued with the commit that wants it, is done once however often its event is sent, and is not enqueued by a copy', async () => {
  const order = ordering((key) => ({ jobId: `mail-${key}`, payload: { n: 1 } }));
  const key = randomUUID();
  expect([await order(key), await order(key)]).toEqual([true, true]);
  expect(await jobs.getJob(`mail-${key}`)).toMatchObject({ state: 'queued', silent: false });
  // What a relay does that died before it had marked anything.
  const unsent = await pool.query<{ all: string }>('SELECT u::text AS all FROM exactly_once.outbox_unsent u');
  expect(await relay()).toBe(1);
  for (const { all } of unsent.rows)
    await pool.query(
      'INSERT INTO exactly_once.outbox_unsent OVERRIDING SYSTEM VALUE SELECT ($1::exactly_once.outbox_unsent).*',
      [all],
    );
  expect(await relay()).toBe(1);
  work();
  await until(`mail-${key}`, 'done');
  await gone();
  expect([await value(`order ${key}`), await value(`mail-${key}`)]).toEqual([1, 1]);
  expect(await waitingIn(sqs, names.deadLetterQueueUrl)).toBe(0);
});

test('a transaction that is rolled back enqueues nothing', async () => {
  const order = ordering(() => {
    throw new Error('no');
  });
  expect(await order('a')).toBe(false);
  const publisher = postgresJobPublisher({
    settings: { consumerName, retentionSeconds: 3600 },
    outbox: postgresOutbox({ source: 'orders' }),
  });
  const connection = await pool.connect();
  await connection.query('BEGIN');
  await publisher.enqueue(fromPg(connection), { jobId: 'r1', payload: { n: 1 } });
  await connection.query('ROLLBACK');
  connection.release();
  expect(await jobs.getJob('r1')).toBeUndefined();
  expect(await relay()).toBe(0);
});

test.each([undefined, 'serializable'] as const)(
  'messages that want one job enqueue it once, whichever comes first, beside the client (%s)',
  async (isolation) => {
    const order = ordering(() => ({ jobId: 'month-end', payload: { n: 1 } }), isolation);
    expect(await Promise.all(['a', 'b', 'c'].map(order))).toEqual([true, true, true]);
    await jobs.enqueue('month-end', { n: 1 });
    expect(await relay()).toBe(1);
    work();
    await until('month-end', 'done');
    await gone();
    expect(await order('d')).toBe(true);
    expect(await relay()).toBe(0);
    expect(await value('month-end')).toBe(1);
    expect(await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => value(`order ${name}`)))).toEqual([
      1, 1, 1, 1,
    ]);
  },
);

test('the id of a job with another payload: nothing is committed', async () => {
  let n = 0;
  const order = ordering(() => ({ jobId: 'report', payload: { n: (n += 1) } }));
  expect(await order('a')).toBe(true);
  await order('b');
  expect(await value('order b')).toBeUndefined();
  await expect(jobs.enqueue('report', { n: 77 })).rejects.toThrow(KeyReused);
});

test('a delay is kept, and a job whose event was lost is listed and published again by the next transaction that wants it', async () => {
  const order = ordering(() => ({ jobId: 'later', payload: { n: 1 }, delaySeconds: 3 }));
  const before = Date.now();
  expect(await order('a')).toBe(true);
  await pool.query('DELETE FROM exactly_once.outbox_unsent');
  const late = { now: Date.now() + 3_600_000 };
  expect(await silentJobs(names, client, late)).toMatchObject([{ jobId: 'later', kind: 'not-begun' }]);
  await pool.query('UPDATE exactly_once.jobs SET run_at = run_at - 3600000');
  expect(await order('b')).toBe(true);
  await pool.query('UPDATE exactly_once.jobs SET run_at = run_at + 3600000');
  expect(await relay()).toBe(1);
  work();
  await until('later', 'done');
  expect(Date.now() - before).toBeGreaterThanOrEqual(2_000);
  await gone();
  expect(await value('later')).toBe(1);
});

test('a job that computes before it writes holds neither a transaction nor a snapshot meanwhile', async () => {
  // A heartbeat is a short transaction of its own: one that is held is there at both looks.
  const transactions = `SELECT pid || ' since ' || xact_start AS name FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`;
  const open = async () => (await pool.query<{ name: string }>(transactions)).rows.map(({ name }) => name);
  const looks: string[][] = [];
  work(async () => {
    looks.push(await open());
    await sleep(1_200);
    looks.push(await open());
  });
  await jobs.enqueue('r1', { n: 1 });
  await until('r1', 'done');
  const [before, after] = looks;
  expect(after?.filter((name) => before?.includes(name))).toEqual([]);
  expect(await value('r1')).toBe(1);
});

test('a worker that died after its commit leaves a job that is done, for whoever asks', async () => {
  armCrashPoints((point) => {
    if (point === 'after-commit') throw new Error('killed');
  });
  const handler = worker(names, client, sqs, async ({ jobId }, tx) => count(names, jobId, tx));
  await jobs.enqueue('r1', { n: 1 });
  const event = { Records: [record({ body: { jobId: 'r1', payload: { n: 1 } } })] };
  await handler(event, { getRemainingTimeInMillis: () => 20_000 }).catch(() => undefined);
  armCrashPoints(undefined);
  await pool.query("UPDATE exactly_once.jobs SET status = 'INPROGRESS', ends_at = 0, due_at = 0, run_at = 0");
  expect(await jobs.getJob('r1')).toMatchObject({ state: 'done', silent: false });
  expect(await silentJobs(names, client)).toEqual([]);
  expect((await jobs.enqueue('r1', { n: 1 })).state).toBe('done');
  expect(await value('r1')).toBe(1);
});

test('a job is forgotten with its receipt, and never after it', async () => {
  work();
  await jobs.enqueue('r1', { n: 1 });
  await until('r1', 'done');
  await gone();
  const { rows } = await pool.query<{ before: boolean }>(
    'SELECT j.expires_at <= r.expires_at AS before FROM exactly_once.jobs j JOIN exactly_once.receipts r ON r.id = j.receipt',
  );
  expect(rows).toEqual([{ before: true }]);
  await pool.query("UPDATE exactly_once.jobs SET expires_at = now() - interval '1 minute'");
  expect(await prune({ pool })).toMatchObject({ jobs: 1, receipts: 0 });
  expect(await jobs.getJob('r1')).toBeUndefined();
  // The receipt still knows.
  expect((await jobs.enqueue('r1', { n: 1 })).state).toBe('done');
  expect(await value('r1')).toBe(1);
});

test('what a worker lacks is said at once', () => {
  const settings = { consumerName, deadLetterQueueUrl: 'none', maxFailures: 3 };
  const one = { options: { max: 1 }, connect: async () => Promise.reject(new Error('unused')) };
  expect(() =>
    postgresJobWorker({ settings, pool: one, schema: z.object({}), run: () => undefined }),
  ).toThrow(/receiptRetentionSeconds is not set[\s\S]*queueUrl is not set[\s\S]*the pool has 1/);
});
