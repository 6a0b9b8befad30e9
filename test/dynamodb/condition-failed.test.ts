import {
  RejectMessage,
  type ConditionFailed,
  type Table,
  type Transaction,
} from '../../runtime/dynamodb/index.js';
import { deliver } from '../../runtime/testing/index.js';
import { orderConsumer, ordersOf, type OrderHandlers } from '../fixtures/order-consumer.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';

const client = dynamo();
let receipts: Table;
let accounts: Table;

beforeEach(async () => {
  [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
});
afterAll(() => client.destroy());

const at = async (name: string) => row(client, accounts, { name });
/** Takes 1 from an account that may not fall below 0. Absent: nothing to take. */
const take = (tx: Transaction) => {
  const condition = { expression: '#b >= :one', names: { '#b': 'balance' }, values: { ':one': 1 } };
  tx.update(accounts, { name: 'account' }, { add: { balance: -1 }, condition });
};
const give = (balance: number) => (tx: Transaction) => tx.put(accounts, { name: 'account', balance });
const handle: OrderHandlers['handle'] = ({ body }, tx) => {
  if (body.id.startsWith('give')) give(Number(body.id.split('-')[1]))(tx);
  else take(tx);
};
const refuse = (tx: Transaction) => tx.update(accounts, { name: 'refusals' }, { add: { count: 1 } });
const once = (handler: ReturnType<typeof orderConsumer>['handler'], records: Parameters<typeof deliver>[1]) =>
  handler({ Records: [...records] }, { getRemainingTimeInMillis: () => 30_000 });

test('a condition that fails is answered with another transaction, committed with the receipt; a copy does neither', async () => {
  const seen: ConditionFailed[] = [];
  const { handler, summaries } = orderConsumer(client, receipts, {
    handle,
    onConditionFailed: (failed, _, tx) => {
      seen.push(failed);
      refuse(tx);
    },
  });
  await deliver(handler, [record({ body: { id: 'give-3' } })]);
  const orders = ordersOf('spend', 5);
  await deliver(handler, orders);
  await deliver(handler, orders);
  expect(await at('account')).toMatchObject({ balance: 0 });
  expect(await at('refusals')).toMatchObject({ count: 2 });
  expect(seen.map(({ item }) => item)).toEqual([
    { name: 'account', balance: 0 },
    { name: 'account', balance: 0 },
  ]);
  expect(summaries.map(({ processed, duplicate, retry }) => [processed, duplicate, retry])).toEqual([
    [1, 0, 0],
    [5, 0, 0],
    [0, 5, 0],
  ]);
});

test('the later ones of the group wait for the answer', async () => {
  const order: string[] = [];
  const { handler } = orderConsumer(client, receipts, {
    handle: (message, tx) => {
      order.push(message.body.id);
      tx.update(accounts, { name: 'last' }, { set: { id: message.body.id } });
      if (message.body.id === 'lane-0') take(tx);
    },
    onConditionFailed: ({ item }, { body }, tx) => {
      order.push(`${body.id} refused`);
      expect(item).toBeUndefined();
      tx.update(accounts, { name: 'last' }, { set: { id: `${body.id} refused` } });
    },
  });
  await deliver(handler, ordersOf('lane', 3));
  expect(await at('last')).toMatchObject({ id: 'lane-2' });
  expect(order).toContain('lane-0 refused');
});

test.each<[string, OrderHandlers['onConditionFailed']]>([
  ['without it', undefined],
  [
    'when it throws',
    () => {
      throw new Error('not now');
    },
  ],
  ['when its own condition fails', (_, __, tx) => take(tx)],
])('%s the message comes again, and has written nothing', async (_, onConditionFailed) => {
  const { handler, summaries } = orderConsumer(client, receipts, { handle, onConditionFailed });
  const { batchItemFailures } = await once(handler, ordersOf('retry', 1));
  expect(batchItemFailures).toHaveLength(1);
  expect(summaries[0]).toMatchObject({ processed: 0, retry: 1 });
  expect(await at('account')).toBeUndefined();
  await deliver(handler, [record({ body: { id: 'give-1' } }), ...ordersOf('retry', 1)]);
  expect(await at('account')).toMatchObject({ balance: 0 });
});

test('RejectMessage in it is for the dead-letter queue', async () => {
  const queue = sqs();
  const deadLetterQueueUrl = await newFifoQueue(queue);
  const { handler, summaries } = orderConsumer(
    client,
    receipts,
    {
      handle,
      onConditionFailed: () => {
        throw new RejectMessage('no cover');
      },
    },
    { sqs: queue, deadLetterQueueUrl },
  );
  await deliver(handler, ordersOf('reject', 1));
  expect(summaries[0]).toMatchObject({ processed: 0, rejected: 1, retry: 0 });
  expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(1);
  queue.destroy();
});

test('where what it read has changed, the handler runs again from the beginning', async () => {
  let answers = 0;
  const { handler, summaries } = orderConsumer(client, receipts, {
    handle,
    onConditionFailed: async (_, __, tx) => {
      answers += 1;
      const account = await tx.get(accounts, { name: 'account' }, ['balance']);
      refuse(tx);
      expect(account).toBeUndefined();
      // Somebody pays in between the answer and its commit.
      await deliver(handler, [record({ body: { id: 'give-1' } })]);
    },
  });
  await deliver(handler, ordersOf('again', 1));
  expect([answers, await at('account'), await at('refusals')]).toMatchObject([1, { balance: 0 }, undefined]);
  expect(summaries.at(-1)).toMatchObject({ processed: 1, retry: 0 });
});
