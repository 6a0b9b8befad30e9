import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import {
  deadLetterAttribute,
  sqsConsumer,
  sqsInsertConsumer,
  type BatchSummary,
  type ConsumerSettings,
} from '../../runtime/sqs/index.js';
import { listGroups, listHoles, readGroup, type StoppedGroup } from '../../runtime/dynamodb/groups.js';
import { resumeGroup, skipHead } from '../../runtime/sqs/decide.js';
import { GroupNotStopped, RejectMessage, type Table } from '../../runtime/dynamodb/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
const consumerName = 'orders';
let receipts: Table;
let effects: Table;
let channel: TestChannel;
/** Messages that fail now, and how: by id, or by group and id. */
let refuse: Record<string, Error>;

beforeEach(async () => {
  [receipts, effects, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newChannel(queue),
  ]);
  refuse = {};
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const Order = z.object({ id: z.string(), group: z.string() });
const settings = (): ConsumerSettings => ({
  consumerName,
  dedupTable: receipts.name,
  receiptRetentionSeconds: 3600,
  deadLetterQueueUrl: channel.deadLetterQueueUrl,
  onFailure: 'stop',
});

/** A consumer that appends each message to the text of its group, unkeyed: a double and a wrong order both show. */
function consumer() {
  const summaries: BatchSummary[] = [];
  const handler = sqsConsumer({
    settings: settings(),
    schema: Order,
    key: ({ body }) => body.id,
    handle: async ({ body: { id, group } }, tx) => {
      const error = refuse[`${group}/${id}`] ?? refuse[id];
      if (error !== undefined) throw error;
      const before = await tx.get(effects, { name: group }, ['log']);
      tx.update(
        effects,
        { name: group },
        { set: { log: `${(before?.log as string | undefined) ?? ''}${id} ` } },
      );
    },
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
  });
  return { handler, summaries };
}

const order = async (id: string, group = id.slice(0, 1)) =>
  send(queue, channel.queueUrl, { id, group }, group);
const log = async (group: string) =>
  ((await row(client, effects, { name: group }))?.log as string | undefined) ?? '';
const failureTable = () => ({ client, tableName: receipts.name });
const groups = async () => {
  const found: StoppedGroup[] = [];
  for await (const group of listGroups(failureTable(), consumerName)) found.push(group);
  return found;
};
const holes = async () => {
  const found = [];
  for await (const hole of listHoles(failureTable(), consumerName)) found.push(hole);
  return found;
};
const only = async () => {
  const [group] = await groups();
  if (group === undefined) throw new Error('no group is stopped');
  return group;
};
const decision = ({ stream }: StoppedGroup, reason = 'mended') => ({ consumerName, stream, reason });
const redriveAll = async (withAttributes: boolean) => {
  for (const { Body, Attributes, MessageAttributes = {} } of await drain(queue, channel.deadLetterQueueUrl)) {
    const letter = MessageAttributes[deadLetterAttribute]?.StringValue;
    const attributes: SQSRecord['messageAttributes'] = withAttributes
      ? { [deadLetterAttribute]: { dataType: 'String', stringValue: letter } }
      : {};
    await send(queue, channel.queueUrl, Body, Attributes?.MessageGroupId, attributes);
  }
};

/** a1 to a4 with a2 poisoned, b1 and b2 beside them. */
async function stopAtSecond() {
  refuse = { a2: new RejectMessage('no such article') };
  for (const id of ['a1', 'b1', 'a2', 'a3', 'b2', 'a4']) await order(id);
  const made = consumer();
  await pump(queue, channel, made.handler);
  return made;
}

test('stop: nothing behind the head acts, other groups flow, and what is parked is acknowledged', async () => {
  const { handler, summaries } = await stopAtSecond();
  expect([await log('a'), await log('b')]).toEqual(['a1 ', 'b1 b2 ']);
  expect(summaries[0]).toMatchObject({ rejected: 1, parked: 2, retry: 0, stopped: 1, dead: { rejected: 1 } });
  await order('a5');
  await order('b3');
  refuse = {};
  await pump(queue, channel, handler);
  // Another instance knows nothing, and does not let it act either.
  await order('a6');
  await pump(queue, channel, consumer().handler);
  expect([await log('a'), await log('b')]).toEqual(['a1 ', 'b1 b2 b3 ']);
  expect(await groups()).toEqual([
    expect.objectContaining({
      state: 'stopped',
      kind: 'group',
      group: 'a',
      queueArn: channel.queueArn,
      reason: 'RejectMessage: no such article',
      head: expect.objectContaining({ key: 'a2' }),
      parked: 5,
      drained: 0,
    }),
  ]);
  expect(await drain(queue, channel.deadLetterQueueUrl)).toHaveLength(1);
});

test('resume: the head first, then the others in order; then the group flows again, and the dead letter is a copy', async () => {
  await stopAtSecond();
  refuse = {};
  await resumeGroup(failureTable(), queue, decision(await only()));
  await order('a5');
  const { handler } = consumer();
  await pump(queue, channel, handler);
  expect(await log('a')).toBe('a1 a2 a3 a4 a5 ');
  expect(await groups()).toEqual([]);
  await order('a6');
  await redriveAll(true);
  await pump(queue, channel, handler);
  expect(await log('a')).toBe('a1 a2 a3 a4 a5 a6 ');
});

test('a group that stops again after it was resumed has another head, and goes on from there', async () => {
  await stopAtSecond();
  refuse = { a3: new RejectMessage('this one too') };
  await resumeGroup(failureTable(), queue, decision(await only()));
  await pump(queue, channel, consumer().handler);
  expect(await log('a')).toBe('a1 a2 ');
  const again = await only();
  expect(again).toMatchObject({ head: { key: 'a3' }, reason: 'RejectMessage: this one too', drained: 1 });
  await skipHead(failureTable(), queue, decision(again));
  await pump(queue, channel, consumer().handler);
  expect(await log('a')).toBe('a1 a2 a4 ');
  refuse = { a9: new RejectMessage('and a third') };
  for (const id of ['a5', 'a9', 'a6']) await order(id);
  await pump(queue, channel, consumer().handler);
  expect(await log('a')).toBe('a1 a2 a4 a5 ');
  expect(await only()).toMatchObject({ head: { key: 'a9' }, parked: 5, drained: 3 });
});

test.each([true, false])(
  'skip: the head is listed as a hole, and a later redrive of it acts once (with its attributes: %s)',
  async (withAttributes) => {
    await stopAtSecond();
    await skipHead(failureTable(), queue, decision(await only(), 'article is gone'));
    const { handler } = consumer();
    await pump(queue, channel, handler);
    expect(await log('a')).toBe('a1 a3 a4 ');
    expect(await groups()).toEqual([]);
    expect(await holes()).toEqual([
      expect.objectContaining({
        key: 'a2',
        reason: 'RejectMessage: no such article',
        decision: 'article is gone',
      }),
    ]);
    refuse = {};
    await redriveAll(withAttributes);
    await order('a2');
    await pump(queue, channel, handler);
    expect(await log('a')).toBe('a1 a3 a4 a2 ');
    expect(await holes()).toEqual([]);
  },
);

test('a failure that passes does not stop a group that is being resumed: its nudge comes again', async () => {
  await stopAtSecond();
  refuse = { a3: new Error('not now') };
  await resumeGroup(failureTable(), queue, decision(await only()));
  const { handler } = consumer();
  await pump(queue, channel, handler, { batches: 2 });
  expect(await log('a')).toBe('a1 a2 ');
  expect(await only()).toMatchObject({ state: 'resuming' });
  refuse = {};
  await pump(queue, channel, handler);
  expect(await log('a')).toBe('a1 a2 a3 a4 ');
});

test('messages that come twice because their parking was not acknowledged are parked once', async () => {
  refuse = { a1: new RejectMessage('no') };
  for (const id of ['a1', 'a2', 'a3']) await order(id);
  const { handler } = consumer();
  await pump(
    queue,
    channel,
    async (event, context) => {
      await handler(event, context);
      throw new Error('the answer does not arrive');
    },
    { batches: 1 },
  );
  await pump(queue, channel, handler);
  expect(await only()).toMatchObject({ parked: 3, head: { key: 'a1' } });
  expect(await drain(queue, channel.deadLetterQueueUrl)).toHaveLength(1);
});

test('what waits for a message of another group comes again, and so do those behind it: none is parked ahead of it', async () => {
  refuse = { 'a/twin': new Error('not now'), b2: new RejectMessage('no such article') };
  // One key in two groups: what becomes of the second is known once the first has its outcome.
  await order('twin', 'a');
  for (const id of ['b1', 'b2', 'twin', 'b3']) await order(id, 'b');
  const { handler, summaries } = consumer();
  await pump(queue, channel, handler, { batches: 1 });
  expect(summaries).toEqual([expect.objectContaining({ processed: 1, rejected: 1, retry: 3 })]);
  refuse = { 'a/twin': new RejectMessage('never') };
  await pump(queue, channel, handler);
  refuse = {};
  const stoppedAtB = (await groups()).find(({ group }) => group === 'b');
  if (stoppedAtB === undefined) throw new Error('group b is not stopped');
  await resumeGroup(failureTable(), queue, decision(stoppedAtB));
  await pump(queue, channel, handler);
  expect([await log('a'), await log('b')]).toEqual(['', 'b1 b2 twin b3 ']);
});

test('a payload under a used key is a dead letter and stops nobody', async () => {
  const { handler } = consumer();
  await order('a1');
  await send(queue, channel.queueUrl, { id: 'a1', group: 'other' }, 'a');
  await order('a2');
  await pump(queue, channel, handler);
  expect(await log('a')).toBe('a1 a2 ');
  expect(await groups()).toEqual([]);
});

test('R51: a message of any size is parked behind a stopped group, and acts in its turn', async () => {
  refuse = { a1: new RejectMessage('no') };
  await order('a1');
  await send(queue, channel.queueUrl, { id: 'a2', group: 'a', note: '\\'.repeat(400_000) }, 'a');
  await order('a3');
  const { handler } = consumer();
  await pump(queue, channel, handler, { batches: 3 });
  expect(await only()).toMatchObject({ parked: 3 });
  refuse = {};
  await resumeGroup(failureTable(), queue, decision(await only()));
  await pump(queue, channel, handler, { batches: 20 });
  expect(await log('a')).toBe('a1 a2 a3 ');
});

test('the way that inserts rows stops and resumes as well', async () => {
  const handler = sqsInsertConsumer({
    settings: settings(),
    schema: Order,
    table: effects,
    row: ({ body }) => {
      const error = refuse[body.id];
      if (error !== undefined) throw error;
      return { name: body.id };
    },
    dynamodb: client,
    sqs: queue,
    observe: () => undefined,
  });
  refuse = { a1: new RejectMessage('no') };
  for (const id of ['a1', 'a2']) await order(id);
  await pump(queue, channel, handler);
  expect(await row(client, effects, { name: 'a2' })).toBeUndefined();
  refuse = {};
  await resumeGroup(failureTable(), queue, decision(await only()));
  await pump(queue, channel, handler);
  expect(await row(client, effects, { name: 'a1' })).toBeDefined();
  expect(await row(client, effects, { name: 'a2' })).toBeDefined();
});

test('a decision about a group that flows is refused, and so is a skip while it is resumed', async () => {
  await stopAtSecond();
  const group = await only();
  const unknown = { ...decision(group), stream: 'nowhere' };
  await expect(resumeGroup(failureTable(), queue, unknown)).rejects.toThrow(GroupNotStopped);
  await resumeGroup(failureTable(), queue, decision(group));
  await expect(skipHead(failureTable(), queue, decision(group))).rejects.toThrow("its state is 'resuming'");
  expect(await readGroup(failureTable(), consumerName, group.stream)).toMatchObject({ decision: 'mended' });
  expect(await readGroup(failureTable(), consumerName, 'nowhere')).toBeUndefined();
});
