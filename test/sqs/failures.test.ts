import * as z from 'zod/mini';
import {
  deadLetterAttribute,
  sqsConsumer,
  sqsInsertConsumer,
  type BatchSummary,
  type ConsumerSettings,
  type DeadLetter,
  type SqsConsumerOptions,
} from '../../runtime/sqs/index.js';
import { CommitFailed, Waiting, type Table } from '../../runtime/dynamodb/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { receivedAgain } from '../../runtime/testing/index.js';
import { drain, record, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
let receipts: Table;
let counters: Table;
let channel: TestChannel;

beforeEach(async () => {
  [receipts, counters, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newChannel(queue),
  ]);
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const Order = z.object({ id: z.string() });
type Handle = SqsConsumerOptions<typeof Order>['handle'];

/** A consumer that counts in one unkeyed counter; `before` may throw. */
function consumer(before: (id: string) => unknown, settings: Partial<ConsumerSettings> = {}) {
  const summaries: BatchSummary[] = [];
  const handle: Handle = async ({ body }, tx) => {
    await before(body.id);
    tx.update(counters, { name: 'all' }, { add: { value: 1 } });
  };
  const handler = sqsConsumer({
    settings: {
      consumerName: 'orders',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: channel.deadLetterQueueUrl,
      ...settings,
    },
    schema: Order,
    key: ({ body }) => body.id,
    handle,
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
  });
  return { handler, summaries };
}

const effects = async () => (await row(client, counters, { name: 'all' }))?.value ?? 0;
const letters = async () =>
  (await drain(queue, channel.deadLetterQueueUrl)).map(
    ({ MessageAttributes = {} }) =>
      JSON.parse(MessageAttributes[deadLetterAttribute]?.StringValue ?? 'null') as DeadLetter,
  );

describe('R19: failures are counted apart from receives', () => {
  test('poison and 9 healthy messages of one group: 1 dead letter after 5 failures, 9 effects', async () => {
    const { handler, summaries } = consumer((id) => {
      if (id === 'm-3') throw new Error('it never works');
    });
    for (let i = 0; i < 10; i += 1) await send(queue, channel.queueUrl, { id: `m-${i}` }, 'g');
    await pump(queue, channel, handler);
    expect(await effects()).toBe(9);
    expect(await letters()).toEqual([
      expect.objectContaining({
        reason: 'Error: it never works',
        kind: 'failed',
        key: 'm-3',
        group: 'g',
        attempts: 5,
      }),
    ]);
    expect(summaries[0]).toMatchObject({ processed: 3, retry: 7, excused: 6 });
    expect(summaries.at(-1)).toMatchObject({ processed: 6, retry: 0, dead: { failed: 1 } });
  });

  test('200 messages that wait, for time or for somebody else, are never dead letters', async () => {
    let rounds = 8;
    const { handler } = consumer(() => {
      if (rounds > 0) throw new Waiting('somebody else has it', Date.now());
    });
    let waiting = Array.from({ length: 200 }, (_, i) =>
      record({ group: `g-${i % 20}`, body: { id: `m-${i}` } }),
    );
    for (; waiting.length > 0; rounds -= 1) {
      // Every second round has no time at all.
      const remaining = rounds % 2 === 0 || rounds < 0 ? 30_000 : 500;
      const back = [];
      for (let at = 0; at < waiting.length; at += 10) {
        const batch = waiting.slice(at, at + 10);
        const answer = await handler({ Records: batch }, { getRemainingTimeInMillis: () => remaining });
        const failed = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        back.push(...batch.filter(({ messageId }) => failed.has(messageId)));
      }
      waiting = back.map(receivedAgain);
    }
    expect(await letters()).toEqual([]);
    expect(await effects()).toBe(200);
  }, 60_000);

  test('what is wrong with the table or with AWS is no failure of a message', async () => {
    let outages = 8;
    const { handler } = consumer(() => {
      outages -= 1;
      if (outages >= 0) throw new CommitFailed('gave up', { cause: new Error('socket hang up') });
    });
    await send(queue, channel.queueUrl, { id: 'm' }, 'g');
    await pump(queue, channel, handler);
    expect(await letters()).toEqual([]);
    expect(await effects()).toBe(1);
  });

  test('receives of which nobody knows anything are no failures: a deployment that could not start', async () => {
    let failures = 1;
    const { handler } = consumer(() => {
      failures -= 1;
      if (failures >= 0) throw new Error('once');
    });
    await send(queue, channel.queueUrl, { id: 'm' }, 'g');
    await pump(queue, channel, () => Promise.reject(new Error('cannot find module')), { batches: 20 });
    await pump(queue, channel, handler);
    expect(await letters()).toEqual([]);
    expect(await effects()).toBe(1);
  });

  test('without a dedup table the receives are counted, and only who fails is a dead letter', async () => {
    const handler = sqsInsertConsumer({
      settings: { consumerName: 'orders', deadLetterQueueUrl: channel.deadLetterQueueUrl, maxFailures: 3 },
      schema: Order,
      table: counters,
      row: ({ body }) => {
        if (body.id === 'bad') throw new Error('no');
        return { name: body.id };
      },
      dynamodb: client,
      sqs: queue,
      observe: () => undefined,
    });
    for (const id of ['bad', 'good']) await send(queue, channel.queueUrl, { id }, 'g');
    await pump(queue, channel, handler);
    expect(await letters()).toMatchObject([{ kind: 'failed', attempts: 3 }]);
    expect(await row(client, counters, { name: 'good' })).toBeDefined();
  });
});

describe('R20: crash suspects', () => {
  test('run after all others of the batch have committed, and together while no start of them has ended without a word', async () => {
    const seen: unknown[][] = [];
    const { handler } = consumer(async (id) => {
      seen.push([id, await effects()]);
    });
    await send(queue, channel.queueUrl, { id: 'suspect' }, 'k');
    for (const id of ['a', 'b']) await send(queue, channel.queueUrl, { id }, 'g');
    // Two receives of which nobody writes anything down.
    await pump(queue, channel, () => Promise.reject(new Error('killed')), { batches: 2 });
    for (const id of ['c', 'd']) await send(queue, channel.queueUrl, { id }, 'h');
    await pump(queue, channel, handler);
    // c and d are new and share a commit. The others run when those are durable.
    expect(seen).toEqual([
      ['c', 0],
      ['d', 0],
      ['suspect', 2],
      ['a', 2],
      ['b', 2],
    ]);
    expect(await effects()).toBe(5);
  });
});

describe('R21: waiting is done by visibility', () => {
  test('a message that failed comes again later, with those behind it, and other groups at once', async () => {
    const { handler } = consumer(
      (id) => {
        if (id === 'late') throw new Waiting('not before tomorrow', Date.now() + 86_400_000);
      },
      { queueUrl: channel.queueUrl },
    );
    for (const id of ['late', 'behind']) await send(queue, channel.queueUrl, { id }, 'g');
    await pump(queue, channel, handler, { again: false });
    await send(queue, channel.queueUrl, { id: 'other' }, 'h');
    await pump(queue, channel, handler, { again: false });
    expect(await effects()).toBe(1);
  });

  test('what was not tried for lack of time comes at once', async () => {
    const { handler } = consumer(() => undefined, { queueUrl: channel.queueUrl });
    await send(queue, channel.queueUrl, { id: 'm' }, 'g');
    let remaining = 500;
    await pump(queue, channel, handler, {
      again: false,
      remainingMs: () => {
        const now = remaining;
        remaining = now === 500 ? 499 : 30_000;
        return now;
      },
    });
    expect(await effects()).toBe(1);
  });
});
