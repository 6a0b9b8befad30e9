import * as z from 'zod/mini';
import { table } from '../../runtime/dynamodb/index.js';
import { kafkaConsumer, type BatchSummary } from '../../runtime/kafka/index.js';
import { MemoryLog } from '../../targets/event-source/kafka/memory-log.js';
import { toEventRecord } from '../../targets/event-source/kafka/record.js';
import { dynamo, newDedupTable, newTable } from '../fixtures/dynamo.js';
import { json } from './records.js';

const client = dynamo();
const Body = z.object({ id: z.string() });
afterAll(() => client.destroy());

/** Without the count of deliveries: 1 write and 1 read unit a batch and partition. */
test.each([
  ['a receipt and an effect', false, 4],
  ['a row that is its own receipt', true, 2],
])('a record costs what docs/kafka.md says: %s', async (_what, isReceipt, writeUnits) => {
  const [receipts, rows] = await Promise.all([newDedupTable(client), newTable(client, 'name')]);
  const effects = table({ name: rows.name, partitionKey: 'name' });
  const summaries: BatchSummary[] = [];
  const consumer = kafkaConsumer<typeof Body>({
    settings: {
      consumerName: 'cost',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: 'none',
    },
    schema: Body,
    key: 'position',
    topicIds: { purchases: 'Zk3x1dYVTkyMmHq6hYb0Ow' },
    ...(isReceipt && { receipt: { table: effects, key: ({ body }) => ({ name: body.id }) } }),
    handle: ({ body }, tx) => tx.insert(effects, { name: body.id }),
    dynamodb: client,
    observe: (summary) => summaries.push(summary),
  });
  const log = new MemoryLog('purchases');
  const records = Array.from({ length: 40 }, (_one, i) =>
    toEventRecord('purchases', log.put(json({ id: `r-${i}` }))),
  );
  for (let times = 0; times < 2; times += 1)
    await consumer(
      { eventSource: 'aws:kafka', records: { 'purchases-0': records } },
      { getRemainingTimeInMillis: () => 30_000 },
    );
  expect(
    summaries.map(({ processed, duplicate, ...one }) => ({ processed, duplicate, units: one.writeUnits })),
  ).toEqual([
    { processed: 40, duplicate: 0, units: 40 * writeUnits },
    { processed: 0, duplicate: 40, units: 0 },
  ]);
  // Once per instance it is asked whether any group was ever stopped. The emulator counts no batch reads.
  expect(summaries[0]?.readUnits).toBeLessThanOrEqual(1);
});

test('of a record that comes again its history is read, and of no group whether it stands still: its records stop none', async () => {
  const [receipts, rows] = await Promise.all([newDedupTable(client), newTable(client, 'name')]);
  const asked: string[] = [];
  const watching = dynamo();
  watching.middlewareStack.add(
    (next) => async (call) => {
      const { RequestItems = {} } = call.input as { RequestItems?: Record<string, { Keys?: object[] }> };
      asked.push(
        ...Object.values(RequestItems).flatMap(({ Keys = [] }) => Keys.map((key) => JSON.stringify(key))),
      );
      return next(call);
    },
    { step: 'initialize' },
  );
  const consumer = kafkaConsumer<typeof Body>({
    settings: {
      consumerName: 'cost',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: 'none',
    },
    schema: Body,
    key: 'position',
    topicIds: { purchases: 'Zk3x1dYVTkyMmHq6hYb0Ow' },
    handle: ({ body }, tx) => tx.insert(table({ name: rows.name, partitionKey: 'name' }), { name: body.id }),
    dynamodb: watching,
    observe: () => undefined,
  });
  const records = [toEventRecord('purchases', new MemoryLog('purchases').put(json({ id: 'r-1' })))];
  for (let times = 0; times < 2; times += 1)
    await consumer(
      { eventSource: 'aws:kafka', records: { 'purchases-0': records } },
      { getRemainingTimeInMillis: () => 30_000 },
    );
  watching.destroy();
  expect(asked.filter((key) => key.includes('!group#'))).toEqual([]);
  expect(asked.length).toBeGreaterThan(0);
});
