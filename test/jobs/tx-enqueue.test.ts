import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { idempotentApi, type ApiRequest } from '../../runtime/api/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import {
  jobPublisher,
  listSilentJobs,
  type Job,
  type JobState,
  type JobToEnqueue,
} from '../../runtime/jobs/index.js';
import type { JobClient } from '../../runtime/jobs/job-client.js';
import { outbox, outboxRelay, queueTarget } from '../../runtime/outbox/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { newOutboxTable } from '../fixtures/outbox-table.js';
import { sqs as newSqs } from '../fixtures/queue.js';
import { StreamReader } from './stream-reader.js';
import {
  consumerName,
  count,
  counterTable,
  newNames,
  queueClient,
  start,
  waitingIn,
  worker,
  type JobNames,
} from './job-bench.js';

const client = dynamo();
const sqs = newSqs();
let names: JobNames;
let jobs: JobClient;
let events: string;
let receipts: string;
let stream: StreamReader;
let stop: (() => Promise<void>) | undefined;

beforeEach(async () => {
  [names, events, receipts] = await Promise.all([
    newNames(client, sqs),
    newOutboxTable(client),
    newTable(client, 'id').then(({ name }) => name),
  ]);
  jobs = queueClient(names, client, sqs);
  stream = await StreamReader.open(events);
});
afterEach(async () => {
  stream.close();
  await stop?.();
  stop = undefined;
});
afterAll(() => {
  client.destroy();
  sqs.destroy();
});

/** An API whose requests count, and enqueue a job each in the same commit. */
function ordering(job: (key: string) => JobToEnqueue, refused = false, times = 1) {
  const settings = {
    consumerName,
    dedupTable: names.dedupTable,
    retentionSeconds: 3600,
    queueUrl: names.queueUrl,
  };
  const publisher = jobPublisher({
    settings,
    outbox: outbox({ table: events, source: 'orders', epoch: '1' }),
  });
  const api = idempotentApi({
    settings: { apiName: 'orders', dedupTable: receipts, windowSeconds: 3600 },
    caller: () => 'somebody',
    dynamodb: client,
    observe: () => undefined,
    handle: async ({ key }, tx) => {
      tx.update(counterTable(names), { name: `order ${key}` }, { add: { value: 1 } });
      for (let time = 0; time < times; time += 1) await tx.enqueue(publisher, job(key));
      if (refused)
        tx.check(
          counterTable(names),
          { name: 'nobody' },
          { expression: 'attribute_exists(#n)', names: { '#n': 'name' } },
        );
      return { status: 202 };
    },
  });
  return async (key: string) => {
    const asked: ApiRequest = {
      method: 'POST',
      path: '/orders',
      query: new URLSearchParams(),
      headers: { 'idempotency-key': key },
      body: new Uint8Array(),
      params: {},
      identity: {},
    };
    return (await api(asked, { deadline: Date.now() + 20_000 })).status;
  };
}

/** Sends what is in the outbox, a second time too: a relay that died before it had marked anything. */
async function relayTwice(): Promise<void> {
  const relay = outboxRelay({
    table: events,
    retentionSeconds: 3600,
    graceSeconds: 60,
    targets: [queueTarget({ queueUrl: names.queueUrl, client: sqs, types: [`job.${consumerName}`] })],
    dynamodb: client,
    observe: () => undefined,
    observeGauges: () => undefined,
  });
  const Records: DynamoDBRecord[] = await stream.inserted();
  for (let copy = 0; copy < 2; copy += 1)
    expect(await relay({ Records }, { getRemainingTimeInMillis: () => 30_000 })).toEqual({
      batchItemFailures: [],
    });
}

function work(): void {
  stop = start(
    names,
    sqs,
    worker(names, client, sqs, ({ jobId }, tx) => count(names, jobId, tx)),
  );
}
async function until(jobId: string, state: JobState): Promise<Job> {
  for (;;) {
    const job = await jobs.getJob(jobId);
    if (job?.state === state) return job;
    await sleep(50);
  }
}
const gone = async () => {
  while ((await waitingIn(sqs, names.queueUrl)) > 0) await sleep(50);
};
const value = async (name: string) => (await row(client, counterTable(names), { name }))?.value;

test('a job is enqueued with the commit that wants it, is done once however often its event is sent, and is not enqueued by a copy', async () => {
  const order = ordering((key) => ({ jobId: `mail-${key}`, payload: { n: 1 } }));
  const key = randomUUID();
  expect([await order(key), await order(key)]).toEqual([202, 202]);
  expect(await jobs.getJob(`mail-${key}`)).toMatchObject({ state: 'queued', silent: false });
  await relayTwice();
  work();
  await until(`mail-${key}`, 'done');
  await gone();
  expect([await value(`order ${key}`), await value(`mail-${key}`)]).toEqual([1, 1]);
  expect(await waitingIn(sqs, names.deadLetterQueueUrl)).toBe(0);
});

test('a transaction that wants one job twice enqueues it once', async () => {
  const order = ordering((key) => ({ jobId: key, payload: { n: 1 } }), false, 2);
  const key = randomUUID();
  expect(await order(key)).toBe(202);
  await relayTwice();
  work();
  await until(key, 'done');
  await gone();
  expect([await value(`order ${key}`), await value(key)]).toEqual([1, 1]);
});

test('a commit that is refused enqueues nothing', async () => {
  const order = ordering((key) => ({ jobId: key, payload: { n: 1 } }), true);
  const key = randomUUID();
  expect(await order(key)).toBe(503);
  expect(await jobs.getJob(key)).toBeUndefined();
  expect(await stream.inserted()).toEqual([]);
});

test('messages that want one job enqueue it once, whichever comes first, and beside JobQueueClient.enqueue', async () => {
  const order = ordering(() => ({ jobId: 'month-end', payload: { n: 1 } }));
  expect(await Promise.all([order('a'), order('b'), order('c')])).toEqual([202, 202, 202]);
  await jobs.enqueue('month-end', { n: 1 });
  await relayTwice();
  work();
  await until('month-end', 'done');
  await gone();
  expect(await order('d')).toBe(202);
  expect(await jobs.getJob('month-end')).toMatchObject({ state: 'done' });
  expect(await stream.inserted()).toEqual([]);
  expect(await value('month-end')).toBe(1);
  expect(await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => value(`order ${name}`)))).toEqual([
    1, 1, 1, 1,
  ]);
  expect(await waitingIn(sqs, names.deadLetterQueueUrl)).toBe(0);
});

test('the id of a job with another payload: the handler is told, and nothing is committed', async () => {
  let n = 0;
  const order = ordering(() => ({ jobId: 'report', payload: { n: (n += 1) } }));
  expect(await order('a')).toBe(202);
  expect(await order('b')).toBe(500);
  expect(await value('order b')).toBeUndefined();
});

test('a delay is kept: the worker puts back what comes too early, which is no failure', async () => {
  const order = ordering((key) => ({ jobId: key, payload: { n: 1 }, delaySeconds: 4 }));
  const before = Date.now();
  expect(await order('later')).toBe(202);
  await relayTwice();
  work();
  const job = await until('later', 'done');
  expect(Date.now() - before).toBeGreaterThanOrEqual(3_000);
  expect(job.failures).toBe(0);
  await gone();
  expect(await value('later')).toBe(1);
});

test('a job whose event was lost is listed, and the next transaction that wants it publishes it again', async () => {
  const order = ordering(() => ({ jobId: 'lost', payload: { n: 1 } }));
  expect(await order('a')).toBe(202);
  await stream.inserted();
  await client.send(
    new UpdateItemCommand({
      TableName: names.dedupTable,
      Key: { id: { S: `${consumerName}!job#lost` } },
      UpdateExpression: 'SET runAt = :then, dueAt = :then',
      ExpressionAttributeValues: { ':then': { N: String(Date.now() - 3_600_000) } },
    }),
  );
  const silent = [];
  for await (const one of listSilentJobs({ client, tableName: names.dedupTable }, consumerName))
    silent.push(one);
  expect(silent).toMatchObject([{ jobId: 'lost', kind: 'not-begun' }]);
  expect(await order('b')).toBe(202);
  await relayTwice();
  work();
  await until('lost', 'done');
  await gone();
  expect(await value('lost')).toBe(1);
});

test.each([
  ['a delay beyond 12 hours', { delaySeconds: 43_201 }],
  ['a delay that is none', { delaySeconds: -1 }],
  ['no id', { jobId: '' }],
  ['a payload that JSON does not hold', { payload: new Map() }],
])('%s fails the message, and nothing is committed', async (_, wrong) => {
  const order = ordering((key) => ({ jobId: key, payload: { n: 1 }, ...wrong }));
  const key = randomUUID();
  expect(await order(key)).toBe(500);
  expect(await value(`order ${key}`)).toBeUndefined();
});

test('an enqueue that is not awaited fails its message', async () => {
  const publisher = jobPublisher({
    settings: {
      consumerName,
      dedupTable: names.dedupTable,
      retentionSeconds: 3600,
      queueUrl: names.queueUrl,
    },
    outbox: outbox({ table: events, source: 'orders', epoch: '1' }),
  });
  const api = idempotentApi({
    settings: { apiName: 'orders', dedupTable: receipts, windowSeconds: 3600 },
    caller: () => 'somebody',
    dynamodb: client,
    observe: () => undefined,
    handle: (_, tx) => {
      void tx.enqueue(publisher, { jobId: 'forgotten', payload: { n: 1 } }).catch(() => undefined);
      tx.put(table({ name: names.counters, partitionKey: 'name' }), { name: 'forgotten order' });
      return { status: 202 };
    },
  });
  const asked: ApiRequest = {
    ...{ method: 'POST', path: '/orders', query: new URLSearchParams(), params: {}, identity: {} },
    headers: { 'idempotency-key': 'x' },
    body: new Uint8Array(),
  };
  expect((await api(asked, { deadline: Date.now() + 20_000 })).status).toBe(500);
  expect(await row(client, counterTable(names), { name: 'forgotten order' })).toBeUndefined();
});
