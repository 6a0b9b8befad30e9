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

/** A client whose renewals of leases are never answered, as over a connection that has died without a word. */
function withoutAnswers(): DynamoDBClient {
  const isRenewal = (command: unknown) =>
    command instanceof UpdateItemCommand &&
    Object.values(command.input.ExpressionAttributeNames ?? {}).includes('in_progress_expiration') &&
    !Object.values(command.input.ExpressionAttributeNames ?? {}).includes('claimedFor') &&
    !Object.values(command.input.ExpressionAttributeNames ?? {}).includes('failures');
  return new Proxy(client, {
    get: (target, name) => {
      if (name !== 'send') return Reflect.get(target, name) as unknown;
      return async (command: Parameters<DynamoDBClient['send']>[0], ...rest: []) =>
        isRenewal(command) ? new Promise(() => undefined) : target.send(command, ...rest);
    },
  });
}

test('beats that are never answered: the job is told in time that its lease is over, and is no hindrance to the next one', async () => {
  const names = await newNames(client, sqs);
  const jobs = queueClient(names, client, sqs);
  const told: number[] = [];
  const began = performance.now();
  const deaf = worker(names, withoutAnswers(), sqs, async ({ signal }) => {
    await new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        told.push(performance.now() - began);
        reject(signal.reason as Error);
      });
    });
  });
  await jobs.enqueue('r1', { n: 1 });
  stop = start(names, sqs, deaf);
  while (told.length === 0) await sleep(50);
  // Its lease is 2 s.
  expect(told[0]).toBeLessThan(3_000);
  await stop();
  stop = start(
    names,
    sqs,
    worker(names, client, sqs, ({ jobId }, tx) => count(names, jobId, tx)),
  );
  while ((await jobs.getJob('r1'))?.state !== 'done') await sleep(50);
  expect(await acted(names, client, 'r1')).toBe(1);
}, 30_000);

test('a queue that does not answer keeps no job from its beginning', async () => {
  const names = await newNames(client, sqs);
  const jobs = queueClient(names, client, sqs);
  const deaf = new Proxy(sqs, {
    get: (target, name) => {
      if (name !== 'send') return Reflect.get(target, name) as unknown;
      return async (command: Parameters<SQSClient['send']>[0], ...rest: []) =>
        command instanceof ChangeMessageVisibilityCommand
          ? new Promise(() => undefined)
          : target.send(command, ...rest);
    },
  });
  stop = start(
    names,
    sqs,
    worker(names, client, deaf, ({ jobId }, tx) => count(names, jobId, tx)),
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
  const deaf = worker(names, withoutAnswers(), sqs, async ({ jobId }, tx) => {
    await count(names, jobId, tx);
    // One beat is under way.
    await sleep(700);
  });
  await jobs.enqueue('r1', { n: 1 });
  stop = start(names, sqs, deaf);
  const began = performance.now();
  while ((await jobs.getJob('r1'))?.state !== 'done') {
    if (performance.now() - began > 15_000) throw new Error('the job has not ended');
    await sleep(50);
  }
  expect(await acted(names, client, 'r1')).toBe(1);
}, 30_000);
