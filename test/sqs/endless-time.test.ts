import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { sqsAggregateConsumer, sqsConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { record } from '../fixtures/queue.js';

const client = dynamo();
let receipts: Table;
let counters: Table;
beforeEach(async () => {
  [receipts, counters] = await Promise.all([newDedupTable(client), newTable(client, 'name')]);
});
afterAll(() => client.destroy());

const common = () => ({
  settings: {
    consumerName: 'patient',
    dedupTable: receipts.name,
    receiptRetentionSeconds: 3600,
    deadLetterQueueUrl: 'http://127.0.0.1/none',
  },
  dynamodb: client,
  observe: () => undefined,
});
const Body = z.object({ id: z.string() });
/** One whose answer takes its time, as a schema that asks somebody. */
const Slow = z.object({
  id: z.string().check(
    z.refine(async () => {
      await sleep(20);
      return true;
    }),
  ),
});

const ways: [string, () => SqsConsumer][] = [
  [
    'transaction',
    () =>
      sqsConsumer({
        ...common(),
        schema: Slow,
        key: ({ body }) => body.id,
        handle: async (_, tx) => {
          await sleep(20);
          await tx.get(counters, { name: 'all' }, ['value']);
          tx.update(counters, { name: 'all' }, { add: { value: 1 } });
        },
      }),
  ],
  [
    'aggregate',
    () =>
      sqsAggregateConsumer<typeof Body, { value: number }>({
        ...common(),
        schema: Body,
        table: counters,
        aggregate: () => ({ name: 'all' }),
        version: ({ body }) => ({ source: 'test', version: body.id }),
        reduce: (state = { value: 0 }) => ({ value: state.value + 1 }),
      }),
  ],
];

/** Node takes at most 2^31 - 1 ms for a timer, and fires at once what has more. */
test.each(
  ways.flatMap(([way, make]) =>
    [Infinity, Number.MAX_SAFE_INTEGER, 0.7 + 2 ** 31].map((ms) => ({ way, make, ms })),
  ),
)('an invocation without a limit of time is one that has much of it: $way, $ms ms', async ({ make, ms }) => {
  const handler = make();
  const Records = ['1', '2', '3'].map((id) => record({ body: { id }, group: 'a' }));
  const context = { getRemainingTimeInMillis: () => ms };
  for (let times = 0; times < 2; times += 1)
    expect(await handler({ Records }, context)).toEqual({ batchItemFailures: [] });
  expect(await row(client, counters, { name: 'all' })).toMatchObject({ value: 3 });
});
