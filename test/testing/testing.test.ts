import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import { sqsConsumer, sqsNaturalConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
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

test('reorder shuffles by its seed, loses nothing, and refuses what SQS never does', () => {
  const records = messages(20);
  const ids = (seed: number) => reorder(records, seed).map(({ messageId }) => messageId);
  expect(ids(1)).toEqual(ids(1));
  expect(ids(1)).not.toEqual(ids(2));
  expect([...ids(1)].sort()).toEqual(records.map(({ messageId }) => messageId).sort());
  expect(() => reorder(messages(2, 'g'), 1)).toThrow(TestingError);
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
