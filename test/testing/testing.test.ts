import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import {
  sqsAggregateConsumer,
  sqsConsumer,
  sqsNaturalConsumer,
  type SqsConsumer,
} from '../../runtime/sqs/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import {
  checkNaturallyIdempotent,
  crashAt,
  crashPoints,
  deliver,
  deliverTwice,
  reorder,
  sqsRecord,
  TestingError,
} from '../../runtime/testing/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';

const client = dynamo();
let receipts: Table;
let rows: Table;

beforeEach(async () => {
  [receipts, rows] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
});
afterAll(() => client.destroy());

const settings = () => ({
  consumerName: 'tested',
  dedupTable: receipts.name,
  receiptRetentionSeconds: 60,
  deadLetterQueueUrl: 'http://127.0.0.1:1/none',
});
const Counted = z.object({ id: z.string(), version: z.string() });
const schema = z.object({ id: z.string(), fail: z.optional(z.boolean()) });
const value = async (name: string) => (await row(client, rows, { name }))?.value;

const increment = (name: string) =>
  client.send(
    new UpdateItemCommand({
      TableName: rows.name,
      Key: { name: { S: name } },
      UpdateExpression: 'ADD #v :one',
      ExpressionAttributeNames: { '#v': 'value' },
      ExpressionAttributeValues: { ':one': { N: '1' } },
    }),
  );

/** What the helpers are for: one handler that holds, and one that does not. */
const good = (): SqsConsumer =>
  sqsConsumer({
    settings: settings(),
    schema,
    key: ({ body }) => body.id,
    handle: (_, tx) => tx.update(rows, { name: 'all' }, { add: { value: 1 } }),
    dynamodb: client,
    observe: () => undefined,
  });
const bad = (): SqsConsumer =>
  sqsNaturalConsumer({
    settings: settings(),
    schema,
    handle: () => increment('all'),
    dynamodb: client,
    observe: () => undefined,
  });

const messages = (count: number, group?: string) =>
  Array.from({ length: count }, (_, i) => sqsRecord({ body: { id: `m-${i}` }, group }));

test('deliverTwice tells a handler that holds from one that does not', async () => {
  await deliverTwice(good(), messages(12, 'g'));
  expect(await value('all')).toBe(12);
  await deliverTwice(bad(), messages(12, 'g'));
  expect(await value('all')).toBe(12 + 24);
});

test.each(crashPoints.filter((point) => !point.includes('dead-letter')))(
  'crashAt %s: what is delivered again acts once',
  async (point) => {
    const records = messages(3, 'g');
    const handler = good();
    await crashAt(point, () => deliver(handler, records));
    await deliver(handler, records);
    expect(await value('all')).toBe(3);
  },
);

test.each(['before-commit', 'after-commit'] as const)(
  'crashAt %s: nothing of what was side by side is sent after the death, and all of it when it comes again',
  async (point) => {
    const handler = sqsAggregateConsumer<typeof Counted, { count: number }>({
      settings: settings(),
      schema: Counted,
      table: rows,
      aggregate: ({ body }) => ({ name: body.id }),
      version: ({ body }) => ({ source: 's', version: body.version }),
      reduce: (state = { count: 0 }) => ({ count: state.count + 1 }),
      dynamodb: client,
      observe: () => undefined,
    });
    const records = Array.from({ length: 8 }, (_, n) => sqsRecord({ body: { id: `a-${n}`, version: '1' } }));
    const counts = () =>
      Promise.all(records.map(async (_, n) => (await row(client, rows, { name: `a-${n}` }))?.count));
    const written = async () => (await counts()).filter((count) => count !== undefined).length;
    await crashAt(point, () => deliver(handler, records));
    const atDeath = await written();
    await sleep(300);
    if (point === 'before-commit') expect(await written()).toBe(0);
    else expect(atDeath).toBeGreaterThan(0);
    await deliver(handler, records);
    expect(await counts()).toEqual(records.map(() => 1));
  },
);

test('crashAt refuses to prove nothing', async () => {
  await expect(crashAt('before-dead-letter', () => deliver(good(), messages(1)))).rejects.toThrow(
    "the work ended without reaching the crash point 'before-dead-letter'",
  );
});

test('deliver brings back what fails, and gives up on what fails for ever', async () => {
  let failures = 3;
  const flaky = sqsNaturalConsumer({
    settings: settings(),
    schema,
    handle: () => {
      if (failures-- > 0) throw new Error('away');
      return increment('flaky');
    },
    dynamodb: client,
    observe: () => undefined,
  });
  await deliver(flaky, messages(2, 'g'));
  expect(await value('flaky')).toBe(2);
  const never: SqsConsumer = () => Promise.reject(new Error('no'));
  await expect(deliver(never, messages(1))).rejects.toThrow('1 messages still come back after 20 receives');
});

test('what comes back holds the rest of its FIFO group, and nobody else, whatever the batch they are in', async () => {
  const records = [...messages(25, 'g'), ...messages(3, 'h'), ...messages(2)];
  const groupOf = new Map(records.map(({ messageId, attributes }) => [messageId, attributes.MessageGroupId]));
  const handed: string[] = [];
  let calls = 0;
  const handler: SqsConsumer = ({ Records }) => {
    calls += 1;
    if (calls === 1 || calls === 4)
      return Promise.resolve({
        batchItemFailures: Records.map(({ messageId }) => ({ itemIdentifier: messageId })),
      });
    handed.push(...Records.map(({ messageId }) => messageId));
    return Promise.resolve({ batchItemFailures: [] });
  };
  // Of 25 messages in batches of ten, none comes back more than twice: it is the message that is counted.
  await deliver(handler, records, { maxReceives: 3 });
  for (const group of ['g', 'h'])
    expect(handed.filter((id) => groupOf.get(id) === group)).toEqual(
      records.flatMap(({ messageId, attributes }) =>
        attributes.MessageGroupId === group ? [messageId] : [],
      ),
    );
  expect([...handed].sort()).toEqual(records.map(({ messageId }) => messageId).sort());
  // Group h and the two of no group did not wait for g.
  expect(new Set(handed.slice(0, 5).map((id) => groupOf.get(id)))).toEqual(new Set(['h', undefined]));
});

test.each<[string, unknown, boolean]>([
  ['a name that is not in the batch', { batchItemFailures: [{ itemIdentifier: 'nobody' }] }, false],
  ['an empty name', { batchItemFailures: [{ itemIdentifier: '' }] }, false],
  ['null for a name', { batchItemFailures: [{ itemIdentifier: null }] }, false],
  ['another word for the name', { batchItemFailures: [{ id: 'nobody' }] }, false],
  ['text', 'done', false],
  ['no list', { batchItemFailures: 'all' }, false],
  ['null for the list', { batchItemFailures: null }, true],
  ['an empty object', {}, true],
  ['null', null, true],
  ['nothing', undefined, true],
])('an answer with %s is what Lambda makes of it', async (_, answer, succeeds) => {
  const handler = (() => Promise.resolve(answer)) as SqsConsumer;
  const ended = deliver(handler, messages(2), { maxReceives: 2 });
  if (succeeds) await ended;
  else await expect(ended).rejects.toThrow('2 messages still come back after 2 receives');
});

test('what is given up on says what the handler threw', async () => {
  const cause = new Error('no such table');
  await expect(deliver(() => Promise.reject(cause), messages(1))).rejects.toMatchObject({ cause });
});

test('reorder shuffles by its seed, loses nothing, and refuses what SQS never does', () => {
  const records = messages(20);
  const ids = (seed: number) => reorder(records, seed).map(({ messageId }) => messageId);
  expect(ids(1)).toEqual(ids(1));
  expect(ids(1)).not.toEqual(ids(2));
  expect([...ids(1)].sort()).toEqual(records.map(({ messageId }) => messageId).sort());
  expect(() => reorder(messages(2, 'g'), 1)).toThrow(TestingError);
});

test('a `reset` that brings nothing back is told, and hides no effect that hangs on the order', async () => {
  const state = new Map<string, string>();
  await expect(
    checkNaturallyIdempotent({
      messages: ['a', 'b'],
      handle: (text) => state.has('first') || state.set('first', text),
      reset: () => undefined,
      snapshot: () => [...state],
    }),
  ).rejects.toThrow('`reset` does not bring back what message 0 has changed');
});

describe('checkNaturallyIdempotent', () => {
  const subject = (messages: string[], handle: (text: string) => unknown) => ({
    messages,
    handle,
    reset: () => {
      state = new Map();
    },
    snapshot: () => [...state].sort(),
  });
  let state = new Map<string, string>();

  test('passes what only ever leaves the same', async () => {
    await expect(
      checkNaturallyIdempotent(subject(['a', 'b'], (text) => state.set(text, 'seen'))),
    ).resolves.toBeUndefined();
  });

  test.each<[string, string[], (text: string) => unknown, string]>([
    ['an increment', ['a'], (text) => state.set(text, `${state.get(text) ?? ''}+`), 'message 0 acts again'],
    [
      'an overwrite by whoever is last',
      ['a', 'b'],
      (text) => state.set('last', text),
      'the older overwrites the newer',
    ],
    [
      'an effect that the snapshot does not show',
      ['a'],
      () => undefined,
      'changes nothing that `snapshot` shows',
    ],
    ['no messages', [], () => undefined, 'no messages were given'],
  ])('finds %s', async (_, given, handle, problem) => {
    await expect(checkNaturallyIdempotent(subject(given, handle))).rejects.toThrow(problem);
  });

  test('passes an overwrite on condition of a version, on the engine', async () => {
    const price = (version: number) => ({
      TableName: rows.name,
      Key: { name: { S: 'price' } },
      UpdateExpression: 'SET version = :v, cents = :c',
      ConditionExpression: 'attribute_not_exists(version) OR version < :v',
      ExpressionAttributeValues: { ':v': { N: String(version) }, ':c': { N: String(100 * version) } },
    });
    const given = {
      messages: [1, 2, 3],
      handle: async (version: number) => {
        try {
          await client.send(new UpdateItemCommand(price(version)));
        } catch (error) {
          if (!(error instanceof Error) || error.name !== 'ConditionalCheckFailedException') throw error;
        }
      },
      reset: async () => {
        rows = await newTable(client, 'name');
      },
      snapshot: () => row(client, rows, { name: 'price' }),
    };
    await expect(checkNaturallyIdempotent(given)).resolves.toBeUndefined();
  });
});
