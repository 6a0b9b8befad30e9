import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  DynamoStore,
  insertWay,
  InvalidWrite,
  KeyReused,
  Meter,
  receiptId,
  table,
  transactionWay,
  type Received,
  type RowReceipt,
  type Table,
  type Transaction,
} from '../../runtime/dynamodb/index.js';
import { createdTable, dynamo, newTable, rawRow, row } from '../fixtures/dynamo.js';
import { limits } from '../fixtures/units.js';

interface Payment {
  readonly key: string;
  readonly cents: number;
}
type Fill = (message: Payment, tx: Transaction) => unknown;

const client = dynamo();
let receipts: Table;
let payments: Table;
let accounts: Table;
let store: DynamoStore;

beforeAll(async () => {
  [receipts, payments, accounts] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'payment'),
    newTable(client, 'name'),
  ]);
  store = new DynamoStore({ client, tableName: receipts.name, retentionSeconds: 3600 });
});
afterAll(() => client.destroy());

const pay: Fill = ({ key, cents }, tx) => {
  tx.insert(payments, { payment: key, cents });
  tx.update(accounts, { name: key }, { add: { cents } });
  return { paid: cents };
};
const byRow = (migrating?: boolean): RowReceipt<Payment> => ({
  table: payments,
  key: ({ key }) => ({ payment: key }),
  migrating,
});
const received = (key: string, cents = 100): Received<Payment> => ({
  id: receiptId('tester', key),
  fingerprint: String(cents),
  message: { key, cents },
});
const wayOf = (receipt?: RowReceipt<Payment>, handle: Fill = pay) =>
  transactionWay<Payment>(store, { handle }, undefined, receipt);
const act = async (
  message: Received<Payment>,
  receipt?: RowReceipt<Payment>,
  handle?: Fill,
  meter = new Meter(),
) => {
  const way = wayOf(receipt, handle);
  const within = { ...limits(), meter };
  const unit = await way.prepare(message, { lane: message.id, ahead: false, limits: () => within });
  return (await way.commit([unit], within)).outcomes.get(unit);
};
const cents = async (name: string) => (await row(client, accounts, { name }))?.cents;
const receiptOf = async (key: string) => rawRow(client, receipts, { id: receiptId('tester', key) });

test('the row is the receipt: none is written beside it, which costs 2 write units less', async () => {
  const [plain, placed] = [new Meter(), new Meter()];
  await act(received('plain'), undefined, undefined, plain);
  await act(received('placed'), byRow(), undefined, placed);
  expect([plain.writeUnits, placed.writeUnits]).toEqual([6, 4]);
  expect(await receiptOf('placed')).toBeUndefined();
  expect(await act(received('placed'), byRow())).toEqual({ kind: 'duplicate', result: { paid: 100 } });
  expect(await act(received('placed', 7), byRow())).toEqual({
    kind: 'rejected',
    error: expect.any(KeyReused),
  });
  expect(await cents('placed')).toBe(100);
  expect(await row(client, payments, { payment: 'placed' })).toMatchObject({
    payment: 'placed',
    cents: 100,
    xoFingerprint: '100',
    xoResult: { paid: 100 },
  });
});

test.each<[string, Fill]>([
  ['makes no such row', (_, tx) => tx.update(accounts, { name: 'x' }, { add: { cents: 1 } })],
  ['overwrites the row', ({ key }, tx) => tx.put(payments, { payment: key })],
  ['makes the row of another message', (_, tx) => tx.insert(payments, { payment: 'another' })],
  ['writes attributes of ours', ({ key }, tx) => tx.insert(payments, { payment: key, xoToken: 'mine' })],
])('a handler that %s is told so, and nothing is written', async (_, handle) => {
  await expect(act(received('defect'), byRow(), handle)).rejects.toThrow(InvalidWrite);
  expect(await row(client, payments, { payment: 'defect' })).toBeUndefined();
});

test('a row that nobody of ours has made is no duplicate', async () => {
  await client.send(new PutItemCommand({ TableName: payments.name, Item: { payment: { S: 'stranger' } } }));
  expect(await act(received('stranger'), byRow())).toEqual({
    kind: 'rejected',
    error: expect.any(KeyReused),
  });
  expect(await cents('stranger')).toBeUndefined();
});

test('R12: a duplicate whose own conditions fail as well is a duplicate', async () => {
  const handle: Fill = ({ key }, tx) => {
    tx.insert(payments, { payment: key });
    tx.insert(accounts, { name: key });
  };
  expect((await act(received('both'), byRow(), handle))?.kind).toBe('processed');
  expect((await act(received('both'), byRow(), handle))?.kind).toBe('duplicate');
});

test.each([true, false])(
  'a row whose key DynamoDB writes in its own way is found, consistent %s',
  async (consistent) => {
    const name = await createdTable(client, {
      KeySchema: [{ AttributeName: 'rate', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'rate', AttributeType: 'N' }],
    });
    const rates = table({ name, partitionKey: 'rate' });
    const way = insertWay(client, rates, ({ rate }: { readonly rate: number }) => ({ rate }));
    const messages = [1e-7, 2.5e-9, -1e-7, 0.5, 3].map((rate) => ({
      ...{ id: receiptId('tester', String(rate)), fingerprint: 'same' },
      message: { rate },
    }));
    const turn = { lane: 'a', ahead: false, limits };
    // The emulator takes the ways to write a number for different keys: it is told DynamoDB's own.
    const plain = (_: string, value: unknown) =>
      typeof value === 'string' && /^-?[\d.]+e-\d+$/.test(value)
        ? Number(value).toFixed(20).replace(/0+$/, '')
        : value;
    client.middlewareStack.add(
      (next) => async (args) => next(JSON.parse(JSON.stringify(args), plain) as typeof args),
      { step: 'initialize', name: 'plain', override: true },
    );
    const units = await Promise.all(messages.map(async (message) => way.prepare(message, turn)));
    await way.commit(units, limits());
    const found = await way.recall?.(messages, limits(), consistent);
    client.middlewareStack.remove('plain');
    expect(messages.map((message) => found?.get(message)?.kind)).toEqual(messages.map(() => 'duplicate'));
  },
);

describe('a message that was processed before the consumer had the option', () => {
  const onlyCounts: Fill = ({ key, cents: by }, tx) =>
    tx.update(accounts, { name: key }, { add: { cents: by } });

  test('is found where receipts are looked for, also where its row says nothing of it', async () => {
    for (const [key, before] of [
      ['old-row', pay],
      ['old-none', onlyCounts],
    ] as const) {
      await act(received(key), undefined, before);
      for (const consistent of [true, false]) {
        const [copy, other] = [received(key), received(key, 7)];
        const found = await wayOf(byRow()).recall?.([copy, other], limits(), consistent);
        expect([found?.get(copy)?.kind, found?.get(other)?.kind]).toEqual(['duplicate', 'rejected']);
      }
    }
  });

  test('does not act again where it made the same row', async () => {
    expect((await act(received('old-row'), byRow()))?.kind).toBe('rejected');
    expect(await cents('old-row')).toBe(100);
  });

  test('does not act again while `migrating`, whatever it made', async () => {
    expect((await act(received('old-none'), byRow(true)))?.kind).toBe('duplicate');
    expect((await act(received('old-none', 7), byRow(true)))?.kind).toBe('rejected');
    expect(await cents('old-none')).toBe(100);
    expect((await act(received('new'), byRow(true)))?.kind).toBe('processed');
    expect((await act(received('new'), byRow(true)))?.kind).toBe('duplicate');
    expect(await cents('new')).toBe(100);
  });
});
