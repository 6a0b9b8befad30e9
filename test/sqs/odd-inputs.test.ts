import { randomUUID } from 'node:crypto';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import {
  sqsConsumer,
  sqsInsertConsumer,
  type BatchSummary,
  type SqsConsumerOptions,
} from '../../runtime/sqs/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { passOverAttribute, resumeAttribute } from '../../runtime/sqs/message-attributes.js';
import { newChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
let receipts: Table;
let counters: Table;
let deadLetterQueueUrl: string;
beforeEach(async () => {
  [receipts, counters, deadLetterQueueUrl] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newFifoQueue(queue),
  ]);
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

interface Row {
  readonly id: string;
}
const Order: StandardSchemaV1<Row, Row> = z.object({ id: z.string() });
type Result = StandardSchemaV1.Result<Row>;
/** The same schema with a will of its own. */
const validatedBy = (validate: (value: Row) => Result | Promise<Result>): typeof Order => ({
  '~standard': {
    ...{ version: 1, vendor: 'test' },
    validate: (value) => validate(value as Row),
  },
});
type Options = SqsConsumerOptions<typeof Order>;

/** A consumer that counts each order. */
function consumer(overrides: Partial<Options> = {}) {
  const summaries: BatchSummary[] = [];
  const handler = sqsConsumer<typeof Order>({
    settings: {
      ...{ consumerName: 'orders', dedupTable: receipts.name, receiptRetentionSeconds: 3600 },
      deadLetterQueueUrl,
    },
    schema: Order,
    key: ({ body }) => body.id,
    handle: ({ body: { id } }, tx) => tx.update(counters, { name: 'all' }, { add: { [id]: 1 } }),
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
    ...overrides,
  });
  /** @returns the positions of those that come again */
  const run = async (records: readonly SQSRecord[], remainingMs = 30_000) => {
    const answer = await handler({ Records: [...records] }, { getRemainingTimeInMillis: () => remainingMs });
    const again = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    return records.flatMap(({ messageId }, i) => (again.has(messageId) ? [i] : []));
  };
  return { run, summaries };
}
const order = (id: string, group?: string) => record({ body: { id }, group });
const said = (name: string, stringValue: string) => ({
  ...order('odd', 'g'),
  messageAttributes: { [name]: { dataType: 'String' as const, stringValue } },
});
const counted = async () => row(client, counters, { name: 'all' });

test.each([
  [passOverAttribute, 'null'],
  [passOverAttribute, '5'],
  [passOverAttribute, '"text"'],
  [passOverAttribute, '{}'],
  [passOverAttribute, '{"consumerName":"orders","stream":5}'],
  [resumeAttribute, 'x'],
  [resumeAttribute, 'x'.repeat(3_000)],
])(
  'a message with an attribute %s of somebody else harms no other, and holds up nobody: %.60s',
  async (name, text) => {
    const { run } = consumer();
    expect(await run([order('a', 'g'), said(name, text), order('b', 'g')])).toEqual([]);
    expect(await counted()).toMatchObject({ a: 1, b: 1 });
  },
);

test('a schema that does not come to an end is the fault of its own message, in the end', async () => {
  const schema = validatedBy((value) => (value.id === 'endless' ? new Promise(() => undefined) : { value }));
  const { run, summaries } = consumer({ schema });
  const endless = order('endless', 'g');
  expect(await run([endless, order('a', 'h')], 2_000)).toEqual([0]);
  expect(await counted()).toMatchObject({ a: 1 });
  for (let receiveCount = 2; receiveCount < 8; receiveCount += 1) {
    endless.attributes.ApproximateReceiveCount = String(receiveCount);
    if ((await run([endless], 600)).length === 0) break;
  }
  expect(summaries.at(-1)?.dead.failed).toBe(1);
  expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(1);
}, 20_000);

// Jest fails a test in which a rejection is not handled, as Node would end the process.
const later = (async () => {
  await Promise.resolve();
  throw new Error('too late');
}) as unknown as () => string;
test.each<[string, Partial<Options>]>([
  ['key', { key: later }],
  ['fingerprint', { fingerprint: later }],
])(
  'a %s that is a promise, and rejects, does not end the process: its message is refused',
  async (_what, wrong) => {
    const { run, summaries } = consumer(wrong);
    expect(await run([order('a', 'g')])).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(summaries[0]?.dead.rejected).toBe(1);
  },
);

test('bytes are written as they were at the call, also from a buffer that is filled anew for the next message', async () => {
  const buffer = Buffer.alloc(1);
  const { run } = consumer({
    handle: ({ body: { id } }, tx) => {
      buffer[0] = Number(id);
      tx.put(counters, { name: id, plain: buffer, deep: [buffer.buffer], many: new Set([buffer]) });
      return { buffer };
    },
  });
  await run([order('1'), order('2')]);
  for (const id of ['1', '2']) {
    const { plain, many } = (await row(client, counters, { name: id })) ?? {};
    expect([plain, many]).toEqual([new Uint8Array([Number(id)]), new Set([new Uint8Array([Number(id)])])]);
  }
});

test('R13: bytes that a handler changes after it has read them do not look changed at the commit', async () => {
  const { run } = consumer({
    handle: async ({ body: { id } }, tx) => {
      const read = await tx.get(counters, { name: 'all' }, ['bits']);
      const bits = (read?.bits as Uint8Array | undefined) ?? new Uint8Array(3);
      bits[Number(id)] = 1;
      tx.update(counters, { name: 'all' }, { set: { bits } });
    },
  });
  expect(await run([order('0'), order('1')])).toEqual([]);
  expect(await run([order('2')])).toEqual([]);
  expect(await counted()).toMatchObject({ bits: new Uint8Array([1, 1, 1]) });
});

test('increments of a batch are summed whatever their attributes are called', async () => {
  const names = ['a', '__proto__', 'constructor', '__proto__', 'a', 'toString'];
  const keyed = consumer({
    key: ({ attributes }) => attributes.n ?? '',
    handle: ({ body: { id } }, tx) => tx.update(counters, { name: 'all' }, { add: { [id]: 1 } }),
  });
  const records = names.map((id, n) => ({
    ...record({ body: `{"id":${JSON.stringify(id)}}` }),
    messageAttributes: { n: { dataType: 'String' as const, stringValue: String(n) } },
  }));
  expect(await keyed.run(records)).toEqual([]);
  // The SDK cannot read an attribute of that name, so DynamoDB is asked about it.
  const asked = consumer({
    handle: (_, tx) =>
      tx.check(
        counters,
        { name: 'all' },
        {
          expression: '#p = :two AND #a = :two AND #c = :one AND #t = :one',
          names: { '#p': '__proto__', '#a': 'a', '#c': 'constructor', '#t': 'toString' },
          values: { ':one': 1, ':two': 2 },
        },
      ),
  });
  expect(await asked.run([order('ask')])).toEqual([]);
});

test('R55: a handler that runs again is given what it was given at first, also of what cannot be frozen', async () => {
  const Rich = z.object({
    id: z.string(),
    tags: z.pipe(
      z.array(z.string()),
      z.transform((tags: string[]) => new Set(tags)),
    ),
    at: z.pipe(
      z.string(),
      z.transform((text: string) => ({ deep: [new Date(text)] })),
    ),
    bytes: z.pipe(
      z.array(z.number()),
      z.transform((bytes: number[]) => Uint8Array.from(bytes)),
    ),
    map: z.pipe(
      z.string(),
      z.transform((text: string) => new Map([['text', text]])),
    ),
  });
  let runs = 0;
  const handler = sqsConsumer<typeof Rich>({
    settings: {
      ...{ consumerName: 'rich', dedupTable: receipts.name, receiptRetentionSeconds: 3600 },
      deadLetterQueueUrl,
    },
    schema: Rich,
    key: ({ body }) => body.id,
    handle: async ({ body: { tags, at, bytes, map } }, tx) => {
      runs += 1;
      const { sum = 0 } = (await tx.get(counters, { name: 'all' }, ['sum'])) ?? {};
      const [day = new Date()] = at.deep;
      day.setUTCDate(day.getUTCDate() + 1);
      bytes[0]! += 1;
      tags.add(String(tags.size));
      map.set('text', `${map.get('text')}!`);
      const found = [day.toISOString(), bytes[0], [...tags].join(), map.get('text')].join(' ');
      tx.update(counters, { name: 'all' }, { set: { sum: (sum as number) + 1, [found]: true } });
    },
    dynamodb: client,
    sqs: queue,
    observe: () => undefined,
  });
  const rest = { tags: ['a'], at: '2026-01-01T00:00:00Z', bytes: [1], map: 'x' };
  const Records = ['1', '2', '3'].map((id) => record({ body: { id, ...rest } }));
  const answer = await handler({ Records }, { getRemainingTimeInMillis: () => 30_000 });
  expect(answer.batchItemFailures).toEqual([]);
  expect(runs).toBeGreaterThan(3);
  const expected = { name: 'all', sum: 3, '2026-01-02T00:00:00.000Z 2 a,1 x!': true };
  expect(await counted()).toEqual(expected);
});

test.each<[string, Partial<SQSRecord>]>([
  ['its attributes', { attributes: undefined }],
  ['the attributes of its producer', { messageAttributes: undefined }],
  ['both', { attributes: undefined, messageAttributes: undefined }],
])('a record without %s acts as any other, and can be dead-lettered', async (_what, without) => {
  const { run } = consumer({
    settings: {
      ...{ consumerName: 'orders', dedupTable: receipts.name, receiptRetentionSeconds: 3600 },
      deadLetterQueueUrl: (await newChannel(queue, false)).deadLetterQueueUrl,
    },
  });
  const records = [order('a'), record({ body: 'no JSON' })];
  expect(await run(records.map((one) => ({ ...one, ...without })))).toEqual([]);
  expect(await counted()).toMatchObject({ a: 1 });
});

// A schema that has changed since: what it refuses now has acted before, and gets no dead letter (R45).
test.each([
  ['bytes', () => Buffer.from([1, 2])],
  ['part of a buffer', () => Buffer.from([0, 1, 2]).subarray(1)],
  ['a number of 38 digits', () => 10n ** 37n + 1n],
])('R45: a row whose key is %s is found again', async (what, keyOf) => {
  const table = { name: `t-${randomUUID()}`, partitionKey: 'k' };
  await client.send(
    new CreateTableCommand({
      TableName: table.name,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'k', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'k', AttributeType: what.includes('number') ? 'N' : 'B' }],
    }),
  );
  let refuses = false;
  const summaries: BatchSummary[] = [];
  const handler = sqsInsertConsumer<StandardSchemaV1<Row, Row>>({
    settings: { consumerName: 'rows', dedupTable: receipts.name, deadLetterQueueUrl },
    schema: validatedBy((value) => (refuses ? { issues: [{ message: 'no' }] } : { value })),
    table,
    row: () => ({ k: keyOf() }),
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
  });
  const one = order('a', 'g');
  for (refuses of [false, true])
    await handler({ Records: [one] }, { getRemainingTimeInMillis: () => 30_000 });
  expect(summaries.map(({ processed, duplicate }) => [processed, duplicate])).toEqual([
    [1, 0],
    [0, 1],
  ]);
});
