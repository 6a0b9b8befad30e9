import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { billed, type Bill } from '../../bench/bill.js';
import { drawFrom, injectConflicts } from '../../bench/conflicts.js';
import type { Contender } from '../../bench/contenders/contender.js';
import { aggregateByHand, packedByHand, singleByHand } from '../../bench/contenders/by-hand.js';
import { aggregate, insert, singleTransactions, transaction } from '../../bench/contenders/ours.js';
import { powertoolsFifo, powertoolsInsert, powertoolsStandard } from '../../bench/contenders/powertools.js';
import { deliver, deliverUntilDone } from '../../bench/delivery.js';
import { Producer, redelivered, type Queue } from '../../bench/message.js';
import { effectsOn, newTables, type Tables } from '../../bench/tables.js';
import { dynamo } from '../fixtures/dynamo.js';

const direct = dynamo();
let tables: Tables;
let accounts = 0;
const clients = [direct];

beforeAll(async () => {
  tables = await newTables(direct);
});
afterAll(() => {
  for (const client of clients) client.destroy();
});

const newAccount = () => `account-${(accounts += 1)}`;
const tenOf = (account: string, queue: Queue = 'FIFO') =>
  new Producer().batch(Array<string>(10).fill(account), queue);

function fielded(contender: Contender, conflictShare = 0) {
  const client = dynamo();
  clients.push(client);
  const bill = billed(client);
  injectConflicts(client, tables.accounts, conflictShare, drawFrom(1));
  return { handler: contender(client, tables), bill };
}

const figures = ({ calls, writeUnits, readUnits }: Bill) => ({ calls, writeUnits, readUnits });

describe('both sides do the same work', () => {
  test.each([
    ['aggregate', aggregate, 'FIFO'],
    ['transaction', transaction, 'FIFO'],
    ['transaction on Standard', transaction, 'Standard'],
    ['single transactions', singleTransactions, 'FIFO'],
    ['Powertools', powertoolsFifo, 'FIFO'],
    ['Powertools on Standard', powertoolsStandard, 'Standard'],
  ] as const)('%s: ten messages are ten effects, and their copies none', async (_name, contender, queue) => {
    const account = newAccount();
    const { handler } = fielded(contender);
    const records = tenOf(account, queue);
    expect(await deliver(handler, records)).toEqual([]);
    expect(await effectsOn(direct, tables, account)).toBe(10);
    expect(await deliver(handler, records.map(redelivered))).toEqual([]);
    expect(await deliver(handler, records)).toEqual([]);
    expect(await effectsOn(direct, tables, account)).toBe(10);
  });

  test.each([
    ['insert', insert],
    ['Powertools', powertoolsInsert],
  ] as const)('%s: ten messages are ten rows', async (_name, contender) => {
    const account = newAccount();
    expect(await deliver(fielded(contender).handler, tenOf(account))).toEqual([]);
    const { Count } = await direct.send(
      new ScanCommand({
        TableName: tables.rows,
        FilterExpression: 'account = :account',
        ExpressionAttributeValues: { ':account': { S: account } },
        Select: 'COUNT',
      }),
    );
    expect(Count).toBe(10);
  });
});

describe('by hand, and by us, the same is written', () => {
  test.each([
    ['aggregate', aggregate, aggregateByHand],
    ['packed transactions', transaction, packedByHand],
    ['single transactions', singleTransactions, singleByHand],
  ] as const)('%s', async (_name, ours, byHand) => {
    const written = [];
    for (const contender of [ours, byHand]) {
      const client = dynamo();
      clients.push(client);
      const requests: string[] = [];
      client.middlewareStack.add(
        (next, { commandName }) =>
          async (call) => {
            if (/Write|Update/.test(String(commandName))) requests.push(JSON.stringify(call.input));
            return next(call);
          },
        { step: 'initialize' },
      );
      const handler = contender(client, tables);
      const account = newAccount();
      const producer = new Producer();
      for (let batches = 0; batches < 8; batches += 1)
        expect(await deliver(handler, producer.batch(Array<string>(10).fill(account), 'FIFO'))).toEqual([]);
      expect(await effectsOn(direct, tables, account)).toBe(80);
      const names = new Set(requests.flatMap((request) => request.match(/"[a-zA-Z]+":\{"[SN]":/g) ?? []));
      written.push({
        requests: requests.length,
        names: [...names].sort(),
        bytes: (requests.at(-1) ?? '').length,
      });
    }
    const [us, hand] = written;
    expect(hand).toMatchObject({ requests: us?.requests, names: us?.names });
    expect(Math.abs((hand?.bytes ?? 0) / (us?.bytes ?? 0) - 1)).toBeLessThan(0.02);
  });
});

describe('the bill', () => {
  test('charges what DynamoDB does: 2 units an action in a transaction, 1 a write', async () => {
    const packed = fielded(transaction);
    await deliver(packed.handler, tenOf(newAccount()));
    // One call for the batch, and one in the life of an instance: whether a group has ever been stopped.
    expect(figures(packed.bill)).toEqual({ calls: 2, writeUnits: 22, readUnits: 1 });
    const peer = fielded(powertoolsFifo);
    await deliver(peer.handler, tenOf(newAccount()));
    expect(figures(peer.bill)).toEqual({ calls: 30, writeUnits: 30, readUnits: 0 });
    expect(peer.bill.sequence).toBe(30);
  });

  test('charges refused writes and cancelled transactions, which DynamoDB does not report', async () => {
    for (const [contender, writeUnits] of [
      [transaction, 22],
      [powertoolsFifo, 10],
    ] as const) {
      const { handler, bill } = fielded(contender);
      const records = tenOf(newAccount());
      await deliver(handler, records);
      const before = bill.writeUnits;
      await deliver(handler, records);
      expect(bill.writeUnits - before).toBe(writeUnits);
    }
  });

  test('tells calls in sequence from calls at once', async () => {
    const { handler, bill } = fielded(aggregate);
    const producer = new Producer();
    const groups = Array.from({ length: 10 }, newAccount);
    await deliver(handler, producer.batch(groups, 'FIFO'));
    bill.calls = bill.sequence = 0;
    await deliver(handler, producer.batch(groups, 'FIFO'));
    expect(bill.calls).toBe(10);
    expect(bill.sequence).toBeLessThan(10);
  });
});

describe('injected conflicts', () => {
  test('refuse whole transactions and single writes, and nothing is written', async () => {
    for (const contender of [transaction, powertoolsFifo]) {
      const account = newAccount();
      const { handler } = fielded(contender, 1);
      const [record] = tenOf(account);
      expect(await deliver(handler, record === undefined ? [] : [record], 1_000)).toHaveLength(1);
      expect(await effectsOn(direct, tables, account)).toBe(0);
    }
  });

  test.each([
    ['aggregate', aggregate],
    ['transaction', transaction],
    ['Powertools', powertoolsFifo],
  ] as const)('%s: every message acts once all the same', async (_name, contender) => {
    const account = newAccount();
    const { handler, bill } = fielded(contender, 0.2);
    const deliveries = await deliverUntilDone(handler, tenOf(account));
    expect(await effectsOn(direct, tables, account)).toBe(10);
    expect(deliveries).toBeGreaterThanOrEqual(10);
    expect(bill.calls).toBeGreaterThan(0);
  });
});
