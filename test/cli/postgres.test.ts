import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import * as z from 'zod/mini';
import { PostgresJobStore } from '../../runtime/jobs/postgres/job-store.js';
import {
  listPostgresGroups,
  postgresConsumer,
  postgresLeases,
  PostgresLeaseStore,
  RejectMessage,
} from '../../runtime/postgres/index.js';
import { listStuckPostgres, PollingRelay, postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';
import { moved, OutboxDatabase, Sink, until } from '../postgres/outbox-world.js';
import { run } from './command.js';

const postgres = testPostgres();
const queue = sqs();
let url: string;
let pool: Pool;
beforeAll(async () => {
  ({ url, pool } = await postgres.pool());
});
afterAll(() => queue.destroy());

const told = async (...args: string[]) => {
  const { stdout, status, stderr } = await run('postgres', ...args, '--url', url, '--json');
  return { status, stderr, answer: stdout === '' ? undefined : (JSON.parse(stdout) as unknown) };
};

/** Handles one message, which makes its group stop if it is to fail. */
async function handle(body: { id: string }, fails: boolean): Promise<string> {
  const group = randomUUID();
  const queueUrl = await newFifoQueue(queue);
  const consumer = postgresConsumer({
    settings: {
      consumerName: 'ledger',
      deadLetterQueueUrl: await newFifoQueue(queue),
      queueUrl,
      onFailure: 'stop',
    },
    receiptRetentionSeconds: 3600,
    schema: z.object({ id: z.string() }),
    pool,
    sqs: queue,
    key: (message) => message.body.id,
    handle: () => {
      if (fails) throw new RejectMessage('no such account');
      return { posted: 7 };
    },
    observe: () => undefined,
  });
  const arn = `arn:aws:sqs:us-east-1:000000000000:${new URL(queueUrl).pathname.split('/').at(-1)}`;
  const one = { ...record({ body, group }), eventSourceARN: arn };
  await consumer({ Records: [one] }, { getRemainingTimeInMillis: () => 30_000 });
  return group;
}

test('a key that was processed has its receipt shown, another one is said not to have been', async () => {
  const id = randomUUID();
  await handle({ id }, false);
  expect(await told('inspect', id, '--consumer', 'ledger')).toMatchObject({
    status: 0,
    answer: { receipt: { completed: true, result: { posted: 7 } } },
  });
  expect(await told('inspect', 'another', '--consumer', 'ledger')).toMatchObject({ status: 1 });
});

test('a group that stands still needs a person on the page, and goes on when somebody decides', async () => {
  expect(await told('status')).toMatchObject({ status: 0, answer: { fine: true } });
  const group = await handle({ id: randomUUID() }, true);
  expect(await told('status')).toMatchObject({
    status: 1,
    answer: {
      lines: expect.arrayContaining([expect.objectContaining({ what: 'stopped groups', count: 1 })]),
    },
  });
  expect(await told('groups', '--consumer', 'ledger')).toMatchObject({
    status: 1,
    answer: { groups: [{ group, state: 'stopped' }] },
  });
  const decision = [group, '--consumer', 'ledger', '--reason', 'the account is there now'];
  expect(await told('resume', ...decision, '--dry-run')).toMatchObject({ status: 0 });
  expect((await listPostgresGroups(pool, 'ledger'))[0]?.state).toBe('stopped');
  expect(await told('resume', ...decision)).toMatchObject({ status: 0, answer: { state: 'resuming' } });
  // As without --dry-run: the other decision is under way.
  for (const dry of [['--dry-run'], []]) {
    expect(await told('skip', ...decision, ...dry)).toMatchObject({ status: 2, answer: undefined });
    expect((await listPostgresGroups(pool, 'ledger'))[0]?.state).toBe('resuming');
  }
  expect(await told('resume', ...decision, '--dry-run')).toMatchObject({ status: 0 });
  expect(await told('skip', 'nobody', '--consumer', 'ledger', '--reason', 'x')).toMatchObject({ status: 2 });
});

test('an effect that nobody knows of is listed until somebody says what became of it', async () => {
  const store = new PostgresLeaseStore({ pool, retentionSeconds: 3600 });
  const key = randomUUID();
  const once = postgresLeases({ observe: () => undefined })({
    pool,
    retentionSeconds: 3600,
    consumerName: 'mailer',
  });
  let acts = 0;
  const mail = async (fails: boolean) =>
    once(key, () => 5_000)('mail', {
      ...{ args: null, onUnknown: 'block' },
      run: () => {
        acts += 1;
        if (fails) throw new Error('timeout');
        return 'sent';
      },
    }).catch((error: unknown) => (error as Error).name);
  expect(await mail(true)).toBe('EffectBlocked');
  const id = `mailer!once#mail#${key}`;
  expect(await told('blocked', '--consumer', 'mailer')).toMatchObject({ status: 1, answer: [{ id }] });
  expect(await told('status')).toMatchObject({
    status: 1,
    answer: {
      lines: expect.arrayContaining([expect.objectContaining({ what: 'blocked effects', count: 1 })]),
    },
  });
  const said = ['--as', 'done', '--result', '"seen"', '--reason', 'ada looked', '--receipt-retention', '1h'];
  const byKey = ['unlock', key, '--consumer', 'mailer', '--effect', 'mail', ...said];
  expect(await told(...byKey, '--dry-run')).toMatchObject({ status: 0, answer: { id, was: 'UNKNOWN' } });
  expect(await store.read(id)).toMatchObject({ status: 'UNKNOWN', blocked: true });
  expect(await told('unlock', key, ...said)).toMatchObject({ status: 2 });
  expect(await told('unlock', 'mailer#no-lease', '--row', ...said)).toMatchObject({ status: 2 });
  expect(await told('unlock', id, '--row', ...said)).toMatchObject({ status: 0 });
  expect(await told(...byKey)).toMatchObject({ status: 2, stderr: expect.stringContaining('is known') });
  expect(await told('blocked', '--consumer', 'mailer')).toMatchObject({ status: 0, answer: [] });
  expect([await mail(false), acts]).toEqual(['seen', 1]);
});

test('what is no lease is not unlocked, whatever table it is in', async () => {
  const id = randomUUID();
  await handle({ id }, false);
  const said = ['--as', 'not-done', '--reason', 'x', '--receipt-retention', '1h'];
  expect(await told('unlock', `ledger#${id}`, '--row', ...said)).toMatchObject({ status: 2 });
  await pool.query(
    "INSERT INTO exactly_once.leases (id, status, fence, ends_at, first_call_at, expires_at) VALUES ('c!job#1', 'UNKNOWN', 'f', 0, 0, now())",
  );
  expect(await told('unlock', 'c!job#1', '--row', ...said)).toMatchObject({
    ...{ status: 2, stderr: expect.stringContaining('no lease') },
  });
});

test('a job that has not begun, one whose worker is silent and one that failed are on the page', async () => {
  const store = new PostgresJobStore({ pool, consumerName: 'reports', retentionSeconds: 3600 });
  const hourAgo = Date.now() - 3_600_000;
  await store.accept('late', 'f', hourAgo);
  await store.claim('dead', undefined, 'f', hourAgo);
  await pool.query("UPDATE exactly_once.jobs SET run_at = $1 WHERE job_id = 'dead'", [hourAgo]);
  const failing = await store.claim('broken', undefined, 'f', Date.now() + 60_000);
  if (failing === undefined) throw new Error('not claimed');
  await store.leave(failing, 'failed', 5, 'it threw');
  await store.accept('waiting', 'f', Date.now() + 60_000);
  await store.claim('running', undefined, 'f', Date.now() + 60_000);
  const { answer } = await told('status');
  const line = (answer as { lines: { of: string; what: string; details: { what: string }[] }[] }).lines.find(
    ({ of }) => of === 'reports',
  );
  expect(line).toMatchObject({ what: 'silent jobs', count: 3, needsPerson: true });
  expect(line?.details.map(({ what }) => what).sort()).toEqual([
    ...['broken (failed)', 'dead (worker-silent)', 'late (not-begun)'],
  ]);
});

test('a version that does not come is passed over only where it is listed, and the consumer is told', async () => {
  const queueUrl = await newFifoQueue(queue);
  const place = ['--consumer', 'counts', '--queue', queueUrl];
  await pool.query(
    `INSERT INTO exactly_once.positions (consumer, aggregate, stream, position, stopped, holes, since, listed, token)
     SELECT 'counts', a, 's', 4, false, '{}', 0, true, gen_random_uuid() FROM unnest(ARRAY['a', 'b']) a`,
  );
  expect(await told('skip-version', '6', ...place)).toMatchObject({ status: 2 });
  expect(await told('skip-version', '5', ...place)).toMatchObject({
    ...{ status: 2, stderr: expect.stringContaining('--stream') },
  });
  const stream = ['--stream', JSON.stringify(['a', 's'])];
  expect(await told('skip-version', '5', ...place, ...stream, '--dry-run')).toMatchObject({ status: 0 });
  expect(await drain(queue, queueUrl)).toHaveLength(0);
  expect(await told('skip-version', '5', ...place, ...stream)).toMatchObject({
    ...{ status: 0, answer: { consumerName: 'counts', sequence: '5' } },
  });
  expect(await drain(queue, queueUrl)).toHaveLength(1);
});

test('events are sent again in their order, also to a target that has had them', async () => {
  const sink = new Sink();
  const relay = new PollingRelay({ pool, targets: [sink] });
  const db = await OutboxDatabase.of(url);
  const outbox = postgresOutbox({ source: 'test' });
  for (const move of [1, 2, 3])
    await db.transaction(async (port) => outbox.publish(port, moved('again', move)));
  await relay.drain();
  expect(sink.versionsOf('again')).toEqual([1, 2, 3]);
  expect(await told('outbox', 'resend', '--all', '--dry-run')).toMatchObject({
    status: 0,
    answer: { streams: 1, events: 3 },
  });
  expect(await told('outbox', 'resend', '--since', '1h')).toMatchObject({ status: 0 });
  await db.transaction(async (port) => outbox.publish(port, moved('again', 4)));
  await until(async () => {
    await relay.drain();
    return sink.accepted.length >= 7;
  });
  expect(sink.versionsOf('again')).toEqual([1, 2, 3, 1, 2, 3, 4]);
  await until(async () => {
    await relay.drain();
    return (await told('outbox', 'list')).status === 0;
  });
  expect(await told('outbox', 'resend')).toMatchObject({ status: 2 });
  await db.pool.end();
});

test('an event that a target can never take is passed over, and the next one is sent', async () => {
  const sink = new Sink();
  const relay = new PollingRelay({ pool, targets: [sink] });
  const db = await OutboxDatabase.of(url);
  const outbox = postgresOutbox({ source: 'test' });
  for (const move of [1, 2]) await db.transaction(async (port) => outbox.publish(port, moved('stuck', move)));
  // A stream is listed when another one goes on, so that a target that takes nothing lists none.
  await db.transaction(async (port) => outbox.publish(port, moved('other', 1)));
  sink.refuses = ({ event }) => (event.includes('"aggregate":"stuck"') ? new Error('never') : undefined);
  await relay.drain();
  const listed = await told('outbox', 'list');
  expect(listed.answer).toMatchObject({ streams: [{ aggregate: 'stuck', version: '1', error: 'Error' }] });
  const [{ stream } = { stream: '' }] = await listStuckPostgres(pool);
  expect(await told('outbox', 'skip', '--stream', stream)).toMatchObject({
    status: 0,
    answer: { version: '1', targets: ['sink'] },
  });
  sink.refuses = () => undefined;
  await until(async () => {
    await relay.drain();
    return sink.versionsOf('stuck').length > 0;
  });
  expect(sink.versionsOf('stuck')).toEqual([2]);
  expect(await told('outbox', 'skip', '--stream', '999')).toMatchObject({ status: 2 });
  await db.pool.end();
});
