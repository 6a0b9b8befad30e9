import * as z from 'zod/mini';
import { operatorLimits } from '../../runtime/dedup/operator-limits.js';
import { DynamoFailureStore } from '../../runtime/dynamodb/failure-store.js';
import { listGroups } from '../../runtime/dynamodb/groups.js';
import { RejectMessage, type Table } from '../../runtime/dynamodb/index.js';
import { resumeGroup } from '../../runtime/sqs/decide.js';
import { sqsConsumer, type BatchSummary } from '../../runtime/sqs/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, record, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
let receipts: Table;
let counts: Table;
let channel: TestChannel;
let poison: string | undefined;
const summaries: BatchSummary[] = [];
const now = Date.now.bind(Date);
let aheadMs = 0;

beforeEach(async () => {
  [receipts, counts, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newChannel(queue),
  ]);
  poison = 'poison';
  jest.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
});
afterEach(() => jest.restoreAllMocks());
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const instance = (onFailure: 'stop' | 'skip') =>
  sqsConsumer({
    settings: {
      ...{ consumerName: 'held', dedupTable: receipts.name, receiptRetentionSeconds: 36_000, onFailure },
      deadLetterQueueUrl: channel.deadLetterQueueUrl,
    },
    schema: z.object({ id: z.string(), n: z.optional(z.number()) }),
    key: ({ body }) => body.id,
    handle: ({ body: { id } }, tx) => {
      if (id === poison) throw new RejectMessage('no');
      tx.update(counts, { name: 'all' }, { add: { [id]: 1 } });
    },
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
  });
const acted = async () => {
  const counted = Object.entries((await row(client, counts, { name: 'all' })) ?? {});
  return Object.fromEntries(counted.filter(([name]) => name !== 'name'));
};
const letters = async () => (await drain(queue, channel.deadLetterQueueUrl)).length;
const time = { getRemainingTimeInMillis: () => 30_000 };
const groups = async () => {
  const found = [];
  for await (const group of listGroups({ client, tableName: receipts.name }, 'held')) found.push(group);
  return found;
};
/** Somebody with `skip` has been at work, and may be still. */
async function skippedBefore(): Promise<void> {
  await instance('skip')({ Records: [record({ body: { id: 'first' }, group: 'other' })] }, time);
}

test('R46: of one that has killed its process the verdict is held, too, and what is behind it waits', async () => {
  await skippedBefore();
  const dead = { ...record({ body: { id: 'dead' }, group: 'g', receiveCount: 9 }) };
  const behind = record({ body: { id: 'b' }, group: 'g' });
  const store = new DynamoFailureStore(client, receipts.name, 'held');
  for (let n = 0; n < 3; n += 1) await store.start([dead.messageId], operatorLimits());
  const it = instance('stop');
  for (let n = 0; n < 3; n += 1) {
    const { batchItemFailures } = await it({ Records: [dead, behind] }, time);
    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual([
      dead.messageId,
      behind.messageId,
    ]);
    dead.attributes = {
      ...dead.attributes,
      ApproximateReceiveCount: String(Number(dead.attributes.ApproximateReceiveCount) + 1),
    };
  }
  expect([await acted(), await letters()]).toEqual([{ first: 1 }, 0]);
  aheadMs += 21 * 60_000;
  expect((await it({ Records: [dead, behind] }, time)).batchItemFailures).toEqual([]);
  expect([await acted(), await letters()]).toEqual([{ first: 1 }, 1]);
  expect((await groups()).map(({ state, parked }) => [state, parked])).toEqual([['stopped', 2]]);
  expect(summaries.at(-1)?.dead.died).toBe(1);
});

test('R5: a key that comes again with another payload stops no group, and waits for nothing', async () => {
  await skippedBefore();
  const it = instance('stop');
  const [one, other, behind] = [
    record({ body: { id: 'a' }, group: 'g' }),
    record({ body: { id: 'a', n: 1 }, group: 'g' }),
    record({ body: { id: 'b' }, group: 'g' }),
  ];
  for (const Records of [[one], [other, behind]])
    expect((await it({ Records }, time)).batchItemFailures).toEqual([]);
  expect([await acted(), await letters(), await groups()]).toEqual([{ first: 1, a: 1, b: 1 }, 1, []]);
});

test('other groups and a drained one are not held', async () => {
  // Stopped first, so that the gate is open; then somebody with `skip` comes and goes.
  const it = instance('stop');
  for (const id of ['poison', 'b', 'c']) await send(queue, channel.queueUrl, { id }, 'g');
  await pump(queue, channel, it);
  await skippedBefore();
  const stream = (await groups())[0]?.stream ?? '';
  poison = 'b';
  const decision = { consumerName: 'held', stream, reason: 'mended' };
  await resumeGroup({ client, tableName: receipts.name }, queue, decision);
  await pump(queue, channel, instance('stop'));
  expect([await acted(), await letters()]).toEqual([{ first: 1, poison: 1 }, 2]);
  expect((await groups()).map(({ state, head: { key } }) => [state, key])).toEqual([['stopped', 'b']]);
  poison = undefined;
  await resumeGroup({ client, tableName: receipts.name }, queue, decision);
  await pump(queue, channel, instance('skip'));
  expect([await acted(), await groups()]).toEqual([{ first: 1, poison: 1, b: 1, c: 1 }, []]);
});
