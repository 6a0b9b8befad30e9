import * as z from 'zod/mini';
import { sqsInsertConsumer, type BatchSummary } from '../../runtime/sqs/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { startFaultProxy } from '../../drive/faults/fault-proxy.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';

const direct = dynamo();
const queue = sqs();
let orders: Table;
let receipts: Table;
let deadLetterQueueUrl: string;

beforeEach(async () => {
  [orders, receipts, deadLetterQueueUrl] = await Promise.all([
    newTable(direct, 'id'),
    newDedupTable(direct),
    newFifoQueue(queue),
  ]);
});
afterAll(() => {
  direct.destroy();
  queue.destroy();
});

function consumer(client = direct) {
  const summaries: BatchSummary[] = [];
  const handler = sqsInsertConsumer({
    settings: {
      consumerName: 'orders',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 60,
      deadLetterQueueUrl,
    },
    schema: z.object({ id: z.string(), article: z.string() }),
    table: orders,
    row: ({ body }) => body,
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
  });
  const run = (...bodies: object[]) =>
    handler(
      { Records: bodies.map((body) => record({ group: 'g', body })) },
      { getRemainingTimeInMillis: () => 30_000 },
    );
  return { run, summaries };
}

test('each message makes one row for one write unit, and its copies none', async () => {
  const { run, summaries } = consumer();
  const [a, b] = [
    { id: 'a', article: 'cd' },
    { id: 'b', article: 'cd' },
  ];
  expect(await run(a, b, a)).toEqual({ batchItemFailures: [] });
  expect(await run(b)).toEqual({ batchItemFailures: [] });
  expect(summaries).toMatchObject([
    // Once in the life of a consumer it writes down that it has asked whether groups are stopped.
    { processed: 2, duplicate: 1, writeUnits: 2 + 1, calls: 2 + 2 },
    { processed: 0, duplicate: 1 },
  ]);
});

test('another payload under the same key is rejected, and the row stays as it was', async () => {
  const { run, summaries } = consumer();
  await run({ id: 'a', article: 'cd' });
  await run({ id: 'a', article: 'dvd' });
  expect(summaries[1]).toMatchObject({ rejected: 1 });
  expect(await row(direct, orders, { id: 'a' })).toMatchObject({ article: 'cd' });
  expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(1);
});

test('R12: when the answer is lost, the row that the second sending meets is recognised as its own', async () => {
  let toLose = 1;
  const proxy = await startFaultProxy({
    upstream: embedded().endpoint,
    decide: () => (toLose-- > 0 ? 'answer' : 'none'),
  });
  const client = dynamo({ endpoint: proxy.url });
  const { run, summaries } = consumer(client);
  await run({ id: 'a', article: 'cd' });
  expect(toLose).toBeLessThan(0);
  expect(summaries[0]).toMatchObject({ processed: 1, duplicate: 0, rejected: 0 });
  client.destroy();
  await proxy.stop();
});
