import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import {
  sqsAggregateConsumer,
  type BatchSummary,
  type SqsAggregateConsumerOptions,
} from '../../runtime/sqs/index.js';
import { parkingWindow, RejectMessage, type Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, rawRow, row } from '../fixtures/dynamo.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
let purses: Table;
let deadLetterQueueUrl: string;
/** Messages that the reducer refuses, and how. */
let refuse: Record<string, Error> = {};

beforeEach(async () => {
  [purses, deadLetterQueueUrl] = await Promise.all([newTable(client, 'name'), newFifoQueue(queue)]);
  refuse = {};
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const Paid = z.object({
  purse: z.string(),
  version: z.string(),
  cents: z.int(),
  source: z._default(z.string(), 'till'),
});
type Purse = { cents: number; versions: string };

/** A consumer with a memory of its own: what one function instance is. */
function instance(overrides: Partial<SqsAggregateConsumerOptions<typeof Paid, Purse>> = {}) {
  const summaries: BatchSummary[] = [];
  const handler = sqsAggregateConsumer<typeof Paid, Purse>({
    settings: {
      consumerName: 'purse',
      deadLetterQueueUrl,
    },
    schema: Paid,
    table: purses,
    aggregate: ({ body }) => ({ name: body.purse }),
    version: ({ body }) => ({ source: body.source, version: body.version }),
    // Neither the sum nor the list is keyed: whatever acts twice, or out of order, shows.
    reduce: (state = { cents: 0, versions: '' }, { body }) => {
      const error = refuse[body.version];
      if (error !== undefined) throw error;
      return { cents: state.cents + body.cents, versions: `${state.versions}${body.version} ` };
    },
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
    ...overrides,
  });
  const run = async (...records: SQSRecord[]) => {
    const answer = await handler({ Records: records }, { getRemainingTimeInMillis: () => 30_000 });
    const failed = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    return records.flatMap(({ messageId }, i) => (failed.has(messageId) ? [i] : []));
  };
  return { run, summaries };
}

const paid = (
  version: number | string,
  { purse = 'p', cents = 1, ...rest }: Partial<z.infer<typeof Paid>> = {},
  shape = {},
) => record({ body: { purse, version: String(version), cents, ...rest }, ...shape });
const versions = async (purse = 'p') => (await row(client, purses, { name: purse }))?.versions;

test('a batch of one group is one write of one unit and, once the item is warm, no read', async () => {
  const { run, summaries } = instance();
  const batch = (from: number) => Array.from({ length: 10 }, (_, i) => paid(from + i, {}, { group: 'p' }));
  await run(...batch(1));
  await run(...batch(11));
  await run(...batch(1));
  expect(await row(client, purses, { name: 'p' })).toMatchObject({ cents: 20 });
  expect(
    summaries.map(({ processed, duplicate, writeUnits, calls }) => ({
      processed,
      duplicate,
      writeUnits,
      calls,
    })),
  ).toEqual([
    { processed: 10, duplicate: 0, writeUnits: 1, calls: 2 },
    { processed: 10, duplicate: 0, writeUnits: 1, calls: 1 },
    { processed: 0, duplicate: 10, writeUnits: 0, calls: 0 },
  ]);
});

test('events in any order act in the order of their versions, and a copy of each does nothing', async () => {
  const { run, summaries } = instance();
  expect(await run(paid(3), paid(1), paid(5), paid(1))).toEqual([]);
  expect(await run(paid(5), paid(2), paid(4))).toEqual([]);
  expect(await versions()).toBe('1 2 3 4 5 ');
  expect(summaries.map(({ processed, duplicate, parked }) => ({ processed, duplicate, parked }))).toEqual([
    { processed: 1, duplicate: 1, parked: 2 },
    { processed: 2, duplicate: 1, parked: 0 },
  ]);
});

test('an instance whose memory is old loses the race, folds again, and nothing acts twice', async () => {
  const [first, second] = [instance(), instance()];
  await first.run(paid(1));
  await second.run(paid(1), paid(2));
  expect(await first.run(paid(2), paid(3))).toEqual([]);
  expect(await second.run(paid(3), paid(4))).toEqual([]);
  expect(await versions()).toBe('1 2 3 4 ');
});

test('eight instances at once over one item: each version acts once, in order', async () => {
  const all = Array.from({ length: 40 }, (_, i) => i + 1);
  await Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      const { run } = instance();
      for (let at = 0; at < all.length; at += 10) {
        let batch = all.slice(at, at + 10).map((version) => paid(version));
        if (n % 2 === 1) batch = batch.reverse();
        for (let tries = 0; batch.length > 0 && tries < 20; tries += 1) {
          const failed = await run(...batch);
          batch = batch.filter((_, i) => failed.includes(i));
        }
      }
    }),
  );
  expect(await versions()).toBe(all.map((version) => `${version} `).join(''));
});

test('two sources of one aggregate count for themselves, whatever they are called, and so does a new epoch', async () => {
  const epochs: Record<string, string> = { later: '1' };
  const { run } = instance({
    version: ({ body }) => ({
      source: body.source.replace('later', ''),
      epoch: epochs[body.source],
      version: body.version,
    }),
  });
  for (const source of ['__proto__', '#a.b', '🧾', 'later', ''])
    await run(paid(1, { source }), paid(1, { source }));
  expect(await row(client, purses, { name: 'p' })).toMatchObject({ cents: 5 });
});

test('versions of 20 digits that differ by one are told apart', async () => {
  const { run } = instance({ startAt: () => '18849496460467696128' });
  await run(paid('18849496460467696128'), paid('18849496460467696129'), paid('18849496460467696127'));
  expect(await versions()).toBe('18849496460467696128 18849496460467696129 ');
});

test("a consumer that comes late starts where it says: at a version, or 'now'", async () => {
  const late = instance({ startAt: () => '5000' });
  await late.run(paid(4_999), paid(5_001), paid(5_000));
  expect(await versions()).toBe('5000 5001 ');
  await instance({ startAt: 'now' }).run(paid(7, { purse: 'q' }), paid(8, { purse: 'q' }));
  expect(await versions('q')).toBe('7 8 ');
});

test('an event outside the parking window waits in the queue, a nearer one still finds room', async () => {
  const { run } = instance();
  const window = Number(parkingWindow);
  expect(await run(paid(window + 1), paid(window), paid(2))).toEqual([0]);
  const rest = Array.from({ length: window }, (_, i) => paid(i + 1)).filter(
    (_, i) => i !== 1 && i !== window - 1,
  );
  expect(await run(...rest, paid(window + 1))).toEqual([]);
  expect(await row(client, purses, { name: 'p' })).toMatchObject({ cents: window + 1 });
});

test('what is parked is bounded in bytes', async () => {
  const { run } = instance();
  const big = (version: number) => paid(version, { note: 'x'.repeat(60_000) } as object);
  expect(await run(big(3))).toEqual([]);
  expect(await run(big(4))).toEqual([0]);
  expect(await run(big(1), big(2), big(4))).toEqual([]);
  expect(await versions()).toBe('1 2 3 4 ');
});

test('two payloads under one parked version: the second is rejected, not a duplicate', async () => {
  const { run, summaries } = instance();
  await run(paid(2, { cents: 2 }, { group: 'p' }));
  await run(paid(2, { cents: 222 }, { group: 'p' }));
  expect(summaries[1]).toMatchObject({ rejected: 1, duplicate: 0 });
  await run(paid(1, { cents: 1 }, { group: 'p' }));
  expect(await row(client, purses, { name: 'p' })).toMatchObject({ cents: 3 });
  expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(1);
});

test('a reducer that fails leaves nothing behind; the event comes again, those ahead of it are parked', async () => {
  const { run } = instance();
  refuse = { 2: new Error('not now') };
  expect(await run(paid(1), paid(2), paid(3))).toEqual([1]);
  expect(await versions()).toBe('1 ');
  refuse = {};
  expect(await run(paid(2))).toEqual([]);
  expect(await versions()).toBe('1 2 3 ');
});

test('a parked event that fails when the gap closes has a carrier that comes again until it acts', async () => {
  const { run } = instance();
  await run(paid(2));
  refuse = { 2: new Error('not now') };
  expect(await run(paid(1))).toEqual([0]);
  expect(await versions()).toBe('1 ');
  expect(await instance().run(paid(1))).toEqual([0]);
  refuse = {};
  expect(await instance().run(paid(1))).toEqual([]);
  expect(await versions()).toBe('1 2 ');
});

test('an event that can never succeed goes to the dead-letter queue and leaves a gap that a corrected one closes', async () => {
  const { run } = instance();
  refuse = { 1: new RejectMessage('no such purse') };
  expect(await run(paid(1, {}, { group: 'p' }), paid(2, {}, { group: 'p' }))).toEqual([]);
  expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(1);
  refuse = {};
  await run(paid(1, {}, { group: 'p' }));
  expect(await versions()).toBe('1 2 ');
});

test('an old memory never makes a duplicate into a rejection', async () => {
  const [old, other] = [instance(), instance()];
  await old.run(paid(1));
  await other.run(paid(2));
  refuse = { 2: new RejectMessage('purse is already empty') };
  const again = paid(2, {}, { group: 'p' });
  expect(await old.run(again)).toEqual([]);
  expect(old.summaries[1]).toMatchObject({ duplicate: 1, rejected: 0 });
  expect(await drain(queue, deadLetterQueueUrl)).toEqual([]);
});

test('a reducer that changes the state that it was given is stopped', async () => {
  const { run, summaries } = instance({
    reduce: (state, { body }) => {
      if (state === undefined) return { cents: body.cents, versions: '' };
      state.cents += body.cents;
      return state;
    },
  });
  await run(paid(1));
  expect(await run(paid(2))).toEqual([0]);
  expect(String(summaries[1]?.problems[0]?.error)).toContain('Cannot assign to read only property');
});

test('attributes of somebody else stay, and removed ones of the state go', async () => {
  const { run } = instance({
    reduce: (state, { body }) =>
      (state === undefined ? { cents: 1, versions: body.version } : { cents: 2 }) as Purse,
  });
  await run(paid(1));
  const colour = { ':c': { S: 'red' } };
  const paint = { TableName: purses.name, Key: { name: { S: 'p' } }, UpdateExpression: 'SET colour = :c' };
  await client.send(new UpdateItemCommand({ ...paint, ExpressionAttributeValues: colour }));
  await run(paid(2));
  expect(await rawRow(client, purses, { name: 'p' })).toEqual({
    name: { S: 'p' },
    cents: { N: '2' },
    colour: { S: 'red' },
    xo: expect.anything(),
    xoToken: expect.anything(),
  });
});

test.each([
  [
    'a version that is no text of digits',
    'first',
    'InvalidSequence: sequence number must be 1 to 40 decimal digits',
  ],
  ['an empty key', '', 'InvalidWrite: write to table'],
])('%s goes to the dead-letter queue', async (_, bad, reason) => {
  const { run } = instance();
  const body = bad === '' ? paid(1, { purse: '' }, { group: 'p' }) : paid(bad, {}, { group: 'p' });
  expect(await run(body)).toEqual([]);
  const [letter] = await drain(queue, deadLetterQueueUrl);
  expect(letter?.MessageAttributes?.ExactlyOnce?.StringValue).toContain(reason);
});

test('a row of a newer version of the library comes again, untouched', async () => {
  const { run } = instance();
  await run(paid(1));
  const newer = { TableName: purses.name, Key: { name: { S: 'p' } }, UpdateExpression: 'SET xo = :x' };
  await client.send(new UpdateItemCommand({ ...newer, ExpressionAttributeValues: { ':x': { S: '[5]' } } }));
  expect(await instance().run(paid(2))).toEqual([0]);
  expect(await versions()).toBe('1 ');
});
