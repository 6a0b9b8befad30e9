import {
  TransactionCanceledException,
  type CancellationReason,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { decisions, type Decision, type Role } from '../../runtime/dynamodb/decisions.js';
import { DynamoStore, type Table, type Transaction } from '../../runtime/dynamodb/index.js';
import { outbox, type Outbox } from '../../runtime/outbox/outbox.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { newOutboxTable } from '../fixtures/outbox-table.js';
import { limits, unit } from '../fixtures/units.js';

const client = dynamo();
/** DynamoDB's answer to the next commit, from its actions. Afterwards it does what it is asked. */
let refuse: ((tables: readonly string[]) => CancellationReason[]) | undefined;
client.middlewareStack.add(
  (next) => async (args) => {
    const { TransactItems } = args.input as Partial<TransactWriteItemsCommandInput>;
    if (refuse === undefined || TransactItems === undefined) return next(args);
    const tables = TransactItems.map(({ Put, Update }) => (Put ?? Update)?.TableName ?? '');
    const CancellationReasons = refuse(tables);
    refuse = undefined;
    throw new TransactionCanceledException({ message: 'cancelled', $metadata: {}, CancellationReasons });
  },
  { step: 'initialize', name: 'refusals' },
);
let receipts: Table;
let counters: Table;
let events: string;
let book: Outbox;
let store: DynamoStore;
beforeAll(async () => {
  [receipts, counters, events] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'name'),
    newOutboxTable(client),
  ]);
  book = outbox({ table: events, source: 'decisions', epoch: '1' });
  store = new DynamoStore({ client, tableName: receipts.name, retentionSeconds: 3600 });
});
afterAll(() => client.destroy());

/** What DynamoDB says of an action, and of another action of its message, and what becomes of the message. */
interface Case {
  readonly role: Role;
  readonly code: string;
  readonly item?: boolean;
  readonly also?: readonly [Role, string];
  readonly outcome: string;
  /** What the decision is taken for in the mutant, which must show. */
  readonly turned: Decision;
}

/** Keys of the table, so that a new cell without a case does not compile. */
type Cell = `${Role} ${'fine' | 'condition' | 'passing' | 'refused' | 'unknown'}`;
const conflict = 'TransactionConflict';
const mine = { outcome: 'WriteRefused', turned: 'innocent' } as const;
const dependency = { outcome: 'CommitFailed', turned: 'refuse' } as const;
const goesOn = { outcome: 'processed', turned: 'refuse' } as const;
const cases: Record<Cell, Case> = {
  'receipt fine': { role: 'receipt', code: 'None', also: ['effect', conflict], ...goesOn },
  'receipt condition': {
    role: 'receipt',
    code: 'ConditionalCheckFailed',
    item: true,
    outcome: 'duplicate',
    turned: 'innocent',
  },
  // Whoever writes the receipt now may be a copy that has made the condition false.
  'receipt passing': {
    role: 'receipt',
    code: conflict,
    also: ['effect', 'ConditionalCheckFailed'],
    outcome: 'processed',
    turned: 'innocent',
  },
  'receipt refused': { role: 'receipt', code: 'ValidationError', ...mine },
  'receipt unknown': { role: 'receipt', code: 'NeverHeardOf', ...dependency },
  'effect fine': {
    role: 'effect',
    code: 'None',
    also: ['receipt', 'ThrottlingError'],
    ...goesOn,
    turned: 'depend',
  },
  'effect condition': {
    role: 'effect',
    code: 'ConditionalCheckFailed',
    outcome: 'ConditionFailed',
    turned: 'innocent',
  },
  'effect passing': { role: 'effect', code: conflict, ...goesOn },
  'effect refused': { role: 'effect', code: 'ItemCollectionSizeLimitExceeded', ...mine },
  'effect unknown': { role: 'effect', code: 'NeverHeardOf', ...dependency },
  'event fine': { role: 'event', code: 'None', also: ['effect', conflict], ...goesOn },
  'event condition': { role: 'event', code: 'ConditionalCheckFailed', ...goesOn },
  'event passing': { role: 'event', code: 'ProvisionedThroughputExceeded', ...goesOn },
  'event refused': { role: 'event', code: 'ValidationError', ...mine },
  'event unknown': { role: 'event', code: 'NeverHeardOf', ...dependency },
};

let count = 0;
const value = async (name: string) => (await row(client, counters, { name }))?.value;
/** What becomes of a message whose first commit is refused so, beside one of which DynamoDB says nothing. */
async function outcomesOf({ role, code, item, also }: Case): Promise<string[]> {
  count += 1;
  const name = `n${count}`;
  const fill = (tx: Transaction) => {
    tx.update(counters, { name }, { add: { value: 1 } });
    tx.publish(book, { aggregate: { table: counters, key: { name } }, type: 'Counted', data: {} });
  };
  const message = unit(name, fill);
  const beside = unit(`${name} beside`, (tx) =>
    tx.update(counters, { name: `${name} beside` }, { add: { value: 1 } }),
  );
  const stored = {
    id: { S: message.receipt.id },
    status: { S: 'COMPLETED' },
    fingerprint: { S: message.receipt.fingerprint },
  };
  const codes = new Map<Role, string>([[role, code], ...(also === undefined ? [] : [also])]);
  refuse = (tables) => {
    const first = (table: string) => tables.indexOf(table);
    const at = { receipt: first(receipts.name), effect: first(counters.name), event: first(events) };
    const reasons: CancellationReason[] = tables.map(() => ({ Code: 'None' }));
    for (const [one, Code] of codes) reasons[at[one]] = { Code, ...(item && { Item: stored }) };
    return reasons;
  };
  const outcomes = await store.commit([message, beside], limits());
  const [outcome, other] = [outcomes.get(message), outcomes.get(beside)];
  const acted = await value(name);
  expect(acted).toBe(outcome?.kind === 'processed' ? 1 : undefined);
  expect(await value(`${name} beside`)).toBe(other?.kind === 'processed' ? 1 : undefined);
  return [outcome, other].map((one) =>
    one?.kind === 'retry' && one.error instanceof Error ? one.error.name : String(one?.kind),
  );
}

test.each(Object.entries(cases))(
  'what DynamoDB says of an action decides about its message alone, and no other decision will do: %s',
  async (cell, one) => {
    const [role, reason] = cell.split(' ') as [Role, string];
    const cells: Record<string, Decision> = decisions[role];
    const original = cells[reason];
    expect(original).toBeDefined();
    // Whatever was said of its neighbour, it has acted: it was not its fault.
    expect(await outcomesOf(one)).toEqual([one.outcome, 'processed']);
    try {
      cells[reason] = one.turned;
      expect(await outcomesOf(one)).not.toEqual([one.outcome, 'processed']);
    } finally {
      cells[reason] = original ?? 'depend';
    }
  },
);

test('every decision has a case', () => {
  const cells = Object.entries(decisions).flatMap(([role, reasons]) =>
    Object.keys(reasons).map((r) => `${role} ${r}`),
  );
  expect(Object.keys(cases).sort()).toEqual(cells.sort());
});
