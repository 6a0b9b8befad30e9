import { paginateScan } from '@aws-sdk/client-dynamodb';
import { groupConditions } from '../../runtime/dynamodb/conditions.js';
import { transportGroup, type Group } from '../../runtime/dedup/group.js';
import { Meter, type Table } from '../../runtime/dynamodb/index.js';
import { GroupStore } from '../../runtime/dynamodb/group-store.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';

const client = dynamo();
const limits = { deadline: Date.now() + 600_000, meter: new Meter() };
const place = transportGroup('arn:aws:sqs:us-east-1:000000000000:q.fifo', 'g');
let receipts: Table;

beforeEach(async () => {
  receipts = await newDedupTable(client);
});
afterAll(() => client.destroy());

const store = () => new GroupStore(client, receipts.name, 'tester');
const message = (name: string) => ({ messageId: name, text: name });
const stop = async (seen: Group | undefined, name: string) =>
  store().stop(
    seen,
    place,
    {
      head: { messageId: name, firstEnqueue: '2026-01-01T00:00:00Z' },
      reason: 'no',
      message: message(name),
    },
    limits,
  );

/** What is acknowledged because its parking succeeded, and is in no parking row: lost. */
async function lostOf(attempts: readonly [string, () => Promise<unknown>][]): Promise<string[]> {
  const acknowledged: string[] = [];
  for (const [name, attempt] of attempts)
    try {
      await attempt();
      acknowledged.push(name);
    } catch (error) {
      expect(error).toMatchObject({ name: 'CommitFailed' });
    }
  const row = await store().read(place.stream, limits);
  const kept = row === undefined ? [] : await store().next({ ...row, drained: 0 }, limits);
  return acknowledged.filter((name) => !kept.includes(name));
}

const races: Record<keyof typeof groupConditions, () => Promise<string[]>> = {
  groupAbsent: async () =>
    lostOf([
      ['m1', async () => stop(undefined, 'm1')],
      ['m2', async () => stop(undefined, 'm2')],
    ]),
  async groupUnchanged() {
    const seen = await stop(undefined, 'm1');
    return lostOf([
      ['m2', async () => store().park(seen, [message('m2')], limits)],
      ['m3', async () => store().park(seen, [message('m3')], limits)],
    ]);
  },
};

describe.each(Object.keys(races) as (keyof typeof groupConditions)[])('condition %s', (id) => {
  test('two consumers that know the same of a group: what one acknowledges is kept', async () => {
    expect(await races[id]()).toEqual([]);
  });

  test('turned to true, a message is lost', async () => {
    const original = groupConditions[id];
    groupConditions[id] = `(${original}) OR NOT (${original})`;
    try {
      expect(await races[id]()).not.toEqual([]);
    } finally {
      groupConditions[id] = original;
    }
  });
});

test('nothing is parked into a group that flows again, and none is drained twice', async () => {
  const stopped = await stop(undefined, 'm1');
  const resuming = await store().decide(stopped, 'resuming', 'mended', limits);
  await store().advance(resuming, 1, limits);
  await expect(store().advance(resuming, 1, limits)).rejects.toThrow('was changed meanwhile');
  const row = await store().read(place.stream, limits);
  if (row === undefined) throw new Error('the group is gone');
  const open = await store().open(row, limits);
  await expect(store().park(row, [message('m2')], limits)).rejects.toThrow('was changed meanwhile');
  // Parking rows are never counted anew: an old row cannot be taken for a new one.
  expect(await stop(open, 'm2')).toMatchObject({ parked: 2, drained: 1 });
});

test('R17: a row of a newer version is not read', async () => {
  const stopped = await stop(undefined, 'm1');
  await store().decide({ ...stopped, v: 2 } as Group, 'resuming', 'no', limits);
  await expect(store().read(place.stream, limits)).rejects.toThrow('row has version 2');
});

test.each<[string, number, number]>([
  ['more than a transaction takes', 130, 10],
  ['texts of several parts, over 4 MB in all', 12, 400_000],
])('a group that is opened while much waits leaves no row for good: %s', async (_, count, length) => {
  const stopped = await stop(undefined, 'm0');
  const messages = Array.from({ length: count }, (_, i) => ({
    messageId: `m${i + 1}`,
    text: `${i + 1}`.padEnd(length, '.'),
  }));
  const parked = await store().park(stopped, messages, limits);
  const open = await store().open(parked, limits);
  expect(open).toMatchObject({ state: 'open', parked: count + 1, drained: count + 1 });
  const kept: string[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: receipts.name }))
    for (const { id, expiration, record } of Items)
      if (id?.S?.includes('!parked#') && (expiration === undefined || record !== undefined)) kept.push(id.S);
  expect(kept).toEqual([]);
});
