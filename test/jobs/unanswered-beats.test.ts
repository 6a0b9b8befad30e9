import { setTimeout as sleep } from 'node:timers/promises';
import { UpdateItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ChangeMessageVisibilityCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { dynamo } from '../fixtures/dynamo.js';
import { sqs as newSqs } from '../fixtures/queue.js';
import { acted, count, newNames, queueClient, start, worker } from './job-bench.js';

const client = dynamo();
const sqs = newSqs();
let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});
afterAll(() => {
  client.destroy();
  sqs.destroy();
});

/** Renewals of leases are never answered while it says so, as over a connection that has died without a word. */
function withoutAnswers(isDeaf: () => boolean): DynamoDBClient {
  const isRenewal = (command: unknown) =>
    command instanceof UpdateItemCommand &&
    Object.values(command.input.ExpressionAttributeNames ?? {}).includes('in_progress_expiration') &&
    !Object.values(command.input.ExpressionAttributeNames ?? {}).includes('claimedFor') &&
    !Object.values(command.input.ExpressionAttributeNames ?? {}).includes('failures');
  return new Proxy(client, {
    get: (target, name) => {
      if (name !== 'send') return Reflect.get(target, name) as unknown;
      return async (command: Parameters<DynamoDBClient['send']>[0], ...rest: []) =>
        isDeaf() && isRenewal(command) ? new Promise(() => undefined) : target.send(command, ...rest);
    },
  });
}

/** Hiding a message is never answered while it says so. */
function withoutHiding(isDeaf: () => boolean): SQSClient {
  return new Proxy(sqs, {
    get: (target, name) => {
      if (name !== 'send') return Reflect.get(target, name) as unknown;
      return async (command: Parameters<SQSClient['send']>[0], ...rest: []) =>
        isDeaf() && command instanceof ChangeMessageVisibilityCommand
          ? new Promise(() => undefined)
          : target.send(command, ...rest);
    },
  });
}

test('beats that are never answered: the job is told that its lease is over before the next one begins', async () => {
  const names = await newNames(client, sqs);
  const jobs = queueClient(names, client, sqs);
  const events: string[] = [];
  const handler = worker(
    ...([names, withoutAnswers(() => !events.includes('told')), sqs] as const),
    async ({ jobId, signal }, tx) => {
      events.push('begun');
      await count(names, jobId, tx);
      if (events.length > 1) return;
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          events.push('told');
          reject(signal.reason as Error);
        });
      });
    },
  );
  // The second worker may begin as soon as the lease is over.
  stop = start(names, sqs, handler, 2);
  await jobs.enqueue('r1', { n: 1 });
  while ((await jobs.getJob('r1'))?.state !== 'done') await sleep(50);
  expect(events).toEqual(['begun', 'told', 'begun']);
  expect(await acted(names, client, 'r1')).toBe(1);
}, 30_000);

test('a job that is cancelled before it could begin does not begin', async () => {
  const names = await newNames(client, sqs);
  const jobs = queueClient(names, client, sqs);
  const begun: string[] = [];
  stop = start(
    names,
    sqs,
    worker(
      ...([names, client, withoutHiding(() => true)] as const),
      ({ jobId }) => void begun.push(jobId),
      // It waits for 3 s to be hidden, and hears of its end after 1 s.
      { heartbeatSeconds: 1 },
    ),
  );
  await jobs.enqueue('r1', { n: 1 });
  while ((await jobs.getJob('r1'))?.state !== 'running') await sleep(20);
  await jobs.cancel('r1', 'a mistake');
  while ((await jobs.getJob('r1'))?.state !== 'cancelled') await sleep(50);
  expect(begun).toEqual([]);
}, 30_000);

test('a queue that does not answer keeps no job from its beginning', async () => {
  const names = await newNames(client, sqs);
  const jobs = queueClient(names, client, sqs);
  stop = start(
    names,
    sqs,
    worker(
      names,
      client,
      withoutHiding(() => true),
      ({ jobId }, tx) => count(names, jobId, tx),
    ),
  );
  await jobs.enqueue('r1', { n: 1 });
  const began = performance.now();
  while ((await jobs.getJob('r1'))?.state !== 'done') {
    if (performance.now() - began > 15_000) throw new Error('the job has not begun');
    await sleep(50);
  }
  expect(await acted(names, client, 'r1')).toBe(1);
}, 30_000);

test('a job that has ended does not wait for a beat that is never answered', async () => {
  const names = await newNames(client, sqs);
  const jobs = queueClient(names, client, sqs);
  const deaf = worker(
    names,
    withoutAnswers(() => true),
    sqs,
    async ({ jobId }, tx) => {
      await count(names, jobId, tx);
      // One beat is under way.
      await sleep(700);
    },
  );
  await jobs.enqueue('r1', { n: 1 });
  stop = start(names, sqs, deaf);
  const began = performance.now();
  while ((await jobs.getJob('r1'))?.state !== 'done') {
    if (performance.now() - began > 15_000) throw new Error('the job has not ended');
    await sleep(50);
  }
  expect(await acted(names, client, 'r1')).toBe(1);
}, 30_000);
