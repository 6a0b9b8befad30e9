import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import {
  commitHandlings,
  DynamoStore,
  Handling,
  RejectMessage,
  type Table,
  type Transaction,
} from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { limits } from '../fixtures/units.js';

const client = dynamo();
const slow = dynamo();
let receipts: Table;
let counters: Table;
let store: DynamoStore;
/** When each commit of the slow client has begun, by a clock that nothing else moves, and how long each takes. */
const begun: number[] = [];
const slowMs = 10_000;

beforeAll(async () => {
  [receipts, counters] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
  store = newStore(client);
  slow.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        if (commandName === TransactWriteItemsCommand.name) {
          const now = Date.now();
          begun.push(now);
          jest.spyOn(Date, 'now').mockReturnValue(now + slowMs);
        }
        return answer;
      },
    { step: 'initialize', name: 'slow' },
  );
});
afterAll(() => {
  for (const one of [client, slow]) one.destroy();
});

const newStore = (by: DynamoDBClient) =>
  new DynamoStore({ client: by, tableName: receipts.name, retentionSeconds: 3600 });
const handlingOf = (key: string, handle: (tx: Transaction) => unknown, lane = key, by = store) =>
  new Handling(by, { receipt: { id: `tester#${key}`, fingerprint: key }, lane, handle });
const value = async (name: string) => (await row(client, counters, { name }))?.value;
const readAndSet = (name: string) => async (tx: Transaction) => {
  const { value: before = 0 } = (await tx.get(counters, { name }, ['value'])) ?? {};
  tx.update(counters, { name }, { set: { value: Number(before) + 1 } });
};

test('ten messages without order that read and write one item run twice at the most, and never wait for each other', async () => {
  const handlings = Array.from({ length: 10 }, (_, i) => handlingOf(`ten-${i}`, readAndSet('ten')));
  const given = limits();
  for (const handling of handlings) await handling.run(given);
  const outcomes = await commitHandlings(store, handlings, given);
  expect(new Set([...outcomes.values()].map(({ kind }) => kind))).toEqual(new Set(['processed']));
  expect(await value('ten')).toBe(10);
  expect(handlings.map(({ runs }) => runs)).toEqual([1, ...Array<number>(9).fill(2)]);
  // One after another, in one group, they would take ten reads and ten commits.
  expect(given.meter.calls).toBe(10 + 10 + 9);
  expect(given.meter.conflicts).toBe(0);
});

test('of those that contend, others that only read something else go with the first', async () => {
  const given = limits();
  const handlings = [
    handlingOf('mixed-1', readAndSet('mixed')),
    handlingOf('mixed-2', readAndSet('mixed')),
    ...Array.from({ length: 5 }, (_, i) =>
      handlingOf(`mixed-reader-${i}`, async (tx) => {
        await tx.get(counters, { name: 'mixed-rate' }, ['value']);
        tx.put(counters, { name: `mixed-${i}` });
      }),
    ),
  ];
  for (const handling of handlings) await handling.run(given);
  const { calls } = given.meter;
  const writer = handlingOf('mixed-writer', (tx) => tx.put(counters, { name: 'mixed-rate', value: 1 }));
  await writer.run(given);
  await commitHandlings(store, [writer], limits());
  const outcomes = await commitHandlings(store, handlings, given);
  expect(outcomes.size).toBe(7);
  expect(new Set([...outcomes.values()].map(({ kind }) => kind))).toEqual(new Set(['processed']));
  expect(await value('mixed')).toBe(2);
  // All five run again at once, and share a commit.
  expect(given.meter.calls - calls).toBeLessThanOrEqual(12);
});

test('what one rejects because of what it reads is no verdict if that has changed while it ran', async () => {
  let runs = 0;
  const pay = handlingOf('pay', async (tx) => {
    const account = await tx.get(counters, { name: 'account' }, ['value']);
    runs += 1;
    if (runs === 1) {
      const open = handlingOf('open', (opening) => opening.put(counters, { name: 'account', value: 1 }));
      await open.run(limits());
      await commitHandlings(store, [open], limits());
    }
    if (account === undefined) throw new RejectMessage('no such account');
    tx.update(counters, { name: 'account' }, { add: { value: 1 } });
  });
  await pay.run(limits());
  expect(runs).toBe(2);
  expect((await commitHandlings(store, [pay], limits())).get(pay)?.kind).toBe('processed');
});

test('when it always changes, that is nobody’s fault', async () => {
  let n = 0;
  const handling = handlingOf('restless', async (tx) => {
    await tx.get(counters, { name: 'restless' }, ['value']);
    n += 1;
    const other = handlingOf(`restless-${n}`, (by) => by.put(counters, { name: 'restless', value: n }));
    await other.run(limits());
    await commitHandlings(store, [other], limits());
    throw new RejectMessage('no');
  });
  await expect(handling.run(limits())).rejects.toMatchObject({ name: 'CommitFailed', fault: 'dependency' });
  expect(handling.runs).toBe(10);
});

test('R22: no pack begins past the deadline, also where each is a first try', async () => {
  const by = newStore(slow);
  const start = Date.now();
  jest.spyOn(Date, 'now').mockReturnValue(start);
  const deadline = start + 3.5 * slowMs;
  const handlings = Array.from({ length: 10 }, (_, i) =>
    handlingOf(`late-${i}`, (tx) => tx.update(counters, { name: 'late' }, { set: { last: i } }), 'lane', by),
  );
  const given = { ...limits(), deadline };
  for (const handling of handlings) await handling.run(given);
  const outcomes = await commitHandlings(by, handlings, given);
  jest.restoreAllMocks();
  expect(begun).toEqual([0, 1, 2, 3].map((n) => start + n * slowMs));
  const kinds = handlings.map((one) => outcomes.get(one)?.kind);
  const done = kinds.filter((kind) => kind === 'processed').length;
  expect(done).toBe(4);
  expect(kinds[done]).toBe('retry');
  expect(kinds.slice(done + 1).every((kind) => kind !== 'processed')).toBe(true);
});
