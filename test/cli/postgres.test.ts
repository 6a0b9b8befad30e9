import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import * as z from 'zod/mini';
import { listPostgresGroups, postgresConsumer, RejectMessage } from '../../runtime/postgres/index.js';
import { listStuckPostgres, PollingRelay, postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { newFifoQueue, record, sqs } from '../fixtures/queue.js';
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
  expect(await told('skip', 'nobody', '--consumer', 'ledger', '--reason', 'x')).toMatchObject({ status: 2 });
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
