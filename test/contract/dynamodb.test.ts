import { randomUUID } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { aggregateWay } from '../../runtime/dynamodb/aggregate-way.js';
import { addressOf } from '../../runtime/dynamodb/table.js';
import {
  DynamoStore,
  insertWay,
  receiptId,
  transactionWay,
  type Handlers,
  type RowReceipt,
  type Table,
} from '../../runtime/dynamodb/index.js';
import type { Once } from '../../runtime/dedup/effect.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { FaultyDynamo } from './faulty-dynamo.js';
import { wayContract, type Ask, type Asked, type OpenedWay } from './way-contract.js';

const direct = dynamo();
afterAll(() => direct.destroy());

/** Switches of a faulty client, as the contract turns them. */
function faults(
  faulty: FaultyDynamo,
): Pick<OpenedWay<never>, 'loseAnswers' | 'conflicts' | 'hang' | 'leaveUnread'> {
  return {
    loseAnswers: (times) => {
      faulty.lost = times;
    },
    conflicts: (times) => {
      faulty.conflicts = times;
    },
    hang: (kind) => {
      faulty.hangs = kind;
    },
    leaveUnread: (times) => {
      faulty.unread = times;
    },
  };
}

/** @param rows where the handler makes a row for each message, too */
function handlers(counters: Table, rows?: Table): Handlers<Ask> {
  return {
    async handle({ key, counter, reads, effect, unstorable, throws, result, ran }, tx) {
      const seen = reads === true ? await tx.get(counters, { name: counter }, ['value']) : undefined;
      await ran?.();
      const thrown = throws?.(seen);
      if (thrown !== undefined) throw thrown as Error;
      if (effect === true) await tx.once('effect', { args: null, run: () => null, onUnknown: 'block' });
      if (reads === true)
        tx.update(counters, { name: counter }, { set: { value: Number(seen?.value ?? 0) + 1 } });
      else tx.update(counters, { name: counter }, { add: { value: 1 } });
      if (rows !== undefined) tx.insert(rows, { name: key, counter });
      if (unstorable === 'row') tx.put(counters, { name: randomUUID(), when: new Date(0) });
      return unstorable === 'result' ? { when: new Date(0) } : result;
    },
  };
}

const once: Once = async (_, { args, run }) =>
  run(args, { idempotencyKey: 'k', signal: new AbortController().signal });

async function openTransactionWay(receipt?: (rows: Table) => RowReceipt<Ask>) {
  const faulty = new FaultyDynamo();
  const [receipts, counters, rows] = await Promise.all([
    newTable(direct, 'id'),
    newTable(direct, 'name'),
    newTable(direct, 'name'),
  ]);
  const store = new DynamoStore({ client: faulty.client, tableName: receipts.name, retentionSeconds: 3600 });
  const byRow = receipt?.(rows);
  return {
    way: transactionWay<Ask, Asked>(store, handlers(counters, byRow && rows), () => once, byRow),
    idOf: ({ key }: Ask) => receiptId('contract', key),
    count: async (name: string) => Number((await row(direct, counters, { name }))?.value ?? 0),
    ...faults(faulty),
    close: () => faulty.client.destroy(),
  };
}

const all = { reads: true, effects: true, results: true, recall: true };
wayContract('the transaction way', async () => openTransactionWay(), all);
wayContract(
  'the transaction way whose receipt is a row',
  async () => openTransactionWay((table) => ({ table, key: ({ key }) => ({ name: key }) })),
  all,
);
wayContract(
  'the transaction way whose receipt is a row, while older receipts count',
  async () => openTransactionWay((table) => ({ table, key: ({ key }) => ({ name: key }), migrating: true })),
  all,
);

wayContract(
  'the insert way',
  async () => {
    const faulty = new FaultyDynamo();
    const rows = await newTable(direct, 'name');
    return {
      way: insertWay<Ask, Asked>(faulty.client, rows, ({ key, counter, unstorable }) => ({
        name: key,
        counter,
        when: unstorable === 'row' ? new Date(0) : undefined,
      })),
      idOf: ({ key }) => addressOf(rows, { name: key }).id,
      count: async (counter) => {
        const { Items = [] } = await direct.send(
          new ScanCommand({ TableName: rows.name, ConsistentRead: true }),
        );
        return Items.filter((item) => item.counter?.S === counter).length;
      },
      ...faults(faulty),
      close: () => faulty.client.destroy(),
    };
  },
  { recall: true },
);

/** An aggregate for each counter, which has a stream for each key: so each message is the first of its stream. */
wayContract(
  'the aggregate way',
  async () => {
    const faulty = new FaultyDynamo();
    const counters = await newTable(direct, 'name');
    return {
      way: aggregateWay<Asked, Ask>({
        client: faulty.client,
        table: counters,
        place: ({ message: { key, counter } }) => ({
          address: addressOf(counters, { name: counter }),
          stream: key,
          version: 1n,
        }),
        source: ({ message }) => message,
        carry: ({ message }) => JSON.stringify(message),
        restore: (carried) => JSON.parse(carried) as Ask,
        reduce: (state, { unstorable }) => ({
          value: Number(state?.value ?? 0) + 1,
          ...(unstorable === 'row' && { when: new Date(0) }),
        }),
      }),
      idOf: ({ key, counter }) => `${counter} ${key}`,
      count: async (name) => Number((await row(direct, counters, { name }))?.value ?? 0),
      ...faults(faulty),
      close: () => faulty.client.destroy(),
    };
  },
  { recall: true, folds: true },
);
