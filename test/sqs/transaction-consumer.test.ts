import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import {
  deadLetterAttribute,
  sqsConsumer,
  type BatchSummary,
  type DeadLetter,
  type SqsConsumerOptions,
} from '../../runtime/sqs/index.js';
import { RejectMessage, type Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
let receipts: Table;
let counters: Table;
let deadLetterQueueUrl: string;

beforeEach(async () => {
  [receipts, counters, deadLetterQueueUrl] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'name'),
    newFifoQueue(queue),
  ]);
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const Order = z.object({ id: z.string(), fail: z.optional(z.string()), note: z._default(z.string(), '') });
type Options = SqsConsumerOptions<typeof Order>;

/** A consumer that counts every order in one unkeyed counter, and in one per order. */
function consumer(overrides: Partial<Options> = {}) {
  const summaries: BatchSummary[] = [];
  const handled: string[] = [];
  const handler = sqsConsumer({
    settings: {
      consumerName: 'orders',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl,
    },
    schema: Order,
    key: ({ body }) => body.id,
    handle: ({ body }, tx) => {
      handled.push(body.id);
      if (body.fail === 'retry') throw new Error('the database of somebody else is away');
      if (body.fail === 'reject') throw new RejectMessage('no such article');
      tx.update(counters, { name: body.id }, { add: { value: 1 } });
      tx.update(counters, { name: 'all' }, { add: { value: 1 } });
    },
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
    ...overrides,
  });
  const run = async (records: SQSRecord[], remaining = () => 30_000) => {
    const { batchItemFailures } = await handler(
      { Records: records },
      { getRemainingTimeInMillis: remaining },
    );
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    return records.map(({ messageId }, i) => (failed.has(messageId) ? i : -1)).filter((i) => i >= 0);
  };
  return { run, summaries, handled };
}

const value = async (name: string) => (await row(client, counters, { name }))?.value;
const order = (id: string, rest: object = {}) => ({ id, ...rest });
const letters = async () =>
  (await drain(queue, deadLetterQueueUrl)).map(({ Body, Attributes, MessageAttributes = {} }) => ({
    body: Body,
    group: Attributes?.MessageGroupId,
    attributes: Object.keys(MessageAttributes),
    letter: JSON.parse(MessageAttributes[deadLetterAttribute]?.StringValue ?? 'null') as DeadLetter,
  }));

test('a batch of several groups acts once each, in one call, and copies of it do not act', async () => {
  const { run, summaries } = consumer();
  const batch = () => ['a', 'b', 'a', 'c'].map((group, i) => record({ group, body: order(`o-${i}`) }));
  expect(await run(batch())).toEqual([]);
  expect(await run(batch())).toEqual([]);
  expect(await value('all')).toBe(4);
  expect(summaries.map(({ processed, duplicate, calls }) => ({ processed, duplicate, calls }))).toEqual([
    // The other two ask whether a group has ever been stopped and, once in the life of a consumer, say that it is
    // asked.
    { processed: 4, duplicate: 0, calls: 3 },
    { processed: 0, duplicate: 4, calls: 1 },
  ]);
});

test('R10: two copies of a message in one batch act once and are both acknowledged', async () => {
  const { run, summaries, handled } = consumer();
  const copies = [record({ group: 'g', body: order('twin') }), record({ group: 'g', body: order('twin') })];
  expect(await run(copies)).toEqual([]);
  expect(await value('twin')).toBe(1);
  expect(handled).toEqual(['twin']);
  expect(summaries[0]).toMatchObject({ processed: 1, duplicate: 1 });
});

test('R10: when the first of two copies fails, both come again', async () => {
  const { run } = consumer();
  const body = order('twin', { fail: 'retry' });
  expect(await run([record({ body }), record({ body })])).toEqual([0, 1]);
});

test('R10: a copy with another payload is no copy: it goes to the dead-letter queue', async () => {
  const { run } = consumer();
  const batch = [
    record({ group: 'g', body: order('twin') }),
    record({ group: 'g', body: order('twin', { note: 'other' }) }),
  ];
  expect(await run(batch)).toEqual([]);
  expect(await value('twin')).toBe(1);
  expect((await letters()).map(({ letter }) => letter.reason)).toEqual([
    expect.stringMatching(/^KeyReused: key was used before with another payload/),
  ]);
});

test('a failure returns the record and all later ones of its group, and no other group', async () => {
  const { run, handled } = consumer();
  const batch = [
    record({ group: 'a', body: order('a-1') }),
    record({ group: 'b', body: order('b-1') }),
    record({ group: 'a', body: order('a-2', { fail: 'retry' }) }),
    record({ group: 'a', body: order('a-3') }),
    record({ group: 'b', body: order('b-2') }),
  ];
  expect(await run(batch)).toEqual([2, 3]);
  expect(handled).not.toContain('a-3');
  expect(await value('all')).toBe(3);
});

test('on a Standard queue a failure returns that record alone', async () => {
  const { run } = consumer();
  const batch = ['s-1', 's-2', 's-3'].map((id) =>
    record({ body: order(id, id === 's-2' ? { fail: 'retry' } : {}) }),
  );
  expect(await run(batch)).toEqual([1]);
  expect(await value('all')).toBe(2);
});

test('messages of a group are handled in order, groups side by side', async () => {
  const open = new Set<string>();
  const seen: string[] = [];
  let together = 0;
  const { run } = consumer({
    handle: async ({ body, group = '' }) => {
      expect(open).not.toContain(group);
      open.add(group);
      together = Math.max(together, open.size);
      await sleep(5);
      seen.push(body.id);
      open.delete(group);
    },
  });
  await run(
    ['a-1', 'b-1', 'a-2', 'b-2', 'a-3'].map((id) => record({ group: id.slice(0, 1), body: order(id) })),
  );
  expect(together).toBe(2);
  expect(seen.filter((id) => id.startsWith('a'))).toEqual(['a-1', 'a-2', 'a-3']);
});

describe('what can never succeed goes to the dead-letter queue with the reason', () => {
  test.each<[string, unknown, string]>([
    ['a body that is not JSON', 'no json', 'RejectMessage: body is not JSON'],
    ['a body that the schema refuses', { id: 5 }, 'RejectMessage: body does not fit the schema: id: '],
    ['an empty key', { id: '' }, "InvalidKey: invalid key for consumer 'orders': it is empty"],
    ['a message that the handler rejects', { id: 'x', fail: 'reject' }, 'RejectMessage: no such article'],
  ])('%s', async (_, body, reason) => {
    const { run, summaries } = consumer();
    const [before, bad, after] = [order('before'), body, order('after')].map((content) =>
      record({ group: 'g', body: content }),
    );
    expect(await run([before!, bad!, after!])).toEqual([]);
    expect(await value('all')).toBe(2);
    expect(summaries[0]).toMatchObject({ processed: 2, rejected: 1, retry: 0 });
    const [letter] = await letters();
    expect(letter).toMatchObject({ body: bad!.body, group: 'g' });
    expect(letter!.letter.reason).toContain(reason);
    expect(letter!.letter).toMatchObject({
      consumerName: 'orders',
      stream: bad!.eventSourceARN,
      group: 'g',
      sequence: bad!.attributes.SequenceNumber,
      firstEnqueue: '2023-11-14T22:13:20.000Z',
      attempts: 1,
    });
  });

  test('nothing that the reason says quotes the body', async () => {
    const { run, summaries } = consumer();
    await run([
      record({ group: 'g', body: '{"card":"4111' }),
      record({ group: 'g', body: { id: ['4111'] } }),
    ]);
    expect(
      JSON.stringify([await letters(), summaries[0]?.problems.map(({ error }) => String(error))]),
    ).not.toMatch(/Error.*4111/);
  });

  test('the copy keeps the attributes of the message, also when there is no room beside them', async () => {
    const { run } = consumer();
    const ten = Array.from(
      { length: 10 },
      (_, i) => [`a${i}`, { dataType: 'String', stringValue: 'x' }] as const,
    );
    const few = Object.fromEntries(ten.slice(0, 2));
    await run([
      record({ group: 'g', body: 'no json', messageAttributes: few }),
      record({ group: 'g', body: 'no json', messageAttributes: Object.fromEntries(ten) }),
    ]);
    const [roomy, full] = await letters();
    expect(roomy!.attributes.sort()).toEqual(['ExactlyOnce', 'a0', 'a1']);
    expect(Object.keys(full!.letter.attributes ?? {})).toHaveLength(10);
  });

  test('a message that cannot be sent there is not lost: it and all later ones of its group come again', async () => {
    const away = `${deadLetterQueueUrl.replace('.fifo', '')}-gone.fifo`;
    const settings = {
      consumerName: 'orders',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 60,
      deadLetterQueueUrl: away,
    };
    const { run } = consumer({ settings });
    const batch = [order('one'), 'no json', order('two')].map((body) => record({ group: 'g', body }));
    expect(await run(batch)).toEqual([1, 2]);
    expect(await value('two')).toBeUndefined();
  });
});

test('R22: no record starts without the time it needs, and those left come again', async () => {
  let remaining = 3_000;
  const { run, handled } = consumer({ handle: () => void (remaining -= 1_400) });
  const batch = ['t-1', 't-2', 't-3'].map((id) => record({ group: 'g', body: order(id) }));
  expect(await run(batch, () => remaining)).toEqual([2]);
  expect(handled).toEqual([]);
});

test('R22: the slowest so far counts twice', async () => {
  let remaining = 3_000;
  const { run } = consumer({
    handle: async () => {
      await sleep(600);
      remaining = 1_100;
    },
  });
  const batch = ['t-1', 't-2'].map((id) => record({ group: 'g', body: order(id) }));
  expect(await run(batch, () => remaining)).toEqual([1]);
});

test('R22: one slow invocation does not stop the next ones of its instance', async () => {
  const { run } = consumer({ handle: async () => sleep(600) });
  const received = (id: string) => [record({ group: 'g', body: order(id) })];
  expect(await run(received('t-1'), () => 1_100)).toEqual([]);
  expect(await run(received('t-2'), () => 1_100)).toEqual([]);
});

test('R11: the receipts of messages that came before are read first, and their handlers do not run again', async () => {
  const first = consumer();
  await first.run([record({ group: 'g', body: order('again') })]);
  const second = consumer();
  expect(await second.run([record({ group: 'g', body: order('again'), receiveCount: 2 })])).toEqual([]);
  expect(second.handled).toEqual([]);
  // The other call asks for the failures of the message, at the same time.
  expect(second.summaries[0]).toMatchObject({ duplicate: 1, writeUnits: 0, calls: 2 });
});

test('R5: a schema that adds a default does not turn a copy into another payload', async () => {
  await consumer().run([record({ body: order('stable') })]);
  const Newer = z.extend(Order, { currency: z._default(z.string(), 'USD') });
  const { run, summaries } = consumer({ schema: Newer as unknown as typeof Order });
  await run([record({ body: order('stable') })]);
  expect(summaries[0]).toMatchObject({ duplicate: 1, rejected: 0 });
});

test('R5: the fingerprint covers the fields that are selected, and no others', async () => {
  const { run, summaries } = consumer({ fingerprint: ({ id }) => id });
  await run([record({ body: order('picked', { note: 'a' }) })]);
  await run([record({ body: order('picked', { note: 'b' }) })]);
  expect(summaries[1]).toMatchObject({ duplicate: 1, rejected: 0 });
});

test('a problem is named by the hash of its key, never by the key', async () => {
  const { run, summaries } = consumer();
  await run([record({ body: order('jane@example.com', { fail: 'retry' }) })]);
  expect(summaries[0]?.problems).toEqual([
    {
      outcome: 'retry',
      fault: 'message',
      messageId: expect.any(String),
      keyHash: '8c87b489ce35cf2e',
      error: expect.any(Error),
    },
  ]);
});
