import { groupConditions } from '../../runtime/dynamodb/conditions.js';
import { queueGroup, type GroupRow } from '../../runtime/dynamodb/groups-row.js';
import { Meter, type Table } from '../../runtime/dynamodb/index.js';
import { GroupStore } from '../../runtime/dynamodb/parking.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';

const client = dynamo();
const meter = new Meter();
const place = queueGroup('arn:aws:sqs:us-east-1:000000000000:q.fifo', 'g');
let receipts: Table;

beforeEach(async () => {
  receipts = await newDedupTable(client);
});
afterAll(() => client.destroy());

const store = () => new GroupStore(client, receipts.name, 'tester');
const message = (name: string) => ({ messageId: name, text: name });
const stop = async (seen: GroupRow | undefined, name: string) =>
  store().stop(
    seen,
    place,
    { messageId: name, firstEnqueue: '2026-01-01T00:00:00Z' },
    'no',
    message(name),
    meter,
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
  const row = await store().read(place.stream, meter);
  const kept = row === undefined ? [] : await store().next({ ...row, drained: 0 }, meter);
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
      ['m2', async () => store().park(seen, [message('m2')], meter)],
      ['m3', async () => store().park(seen, [message('m3')], meter)],
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
  const resuming = await store().decide(stopped, 'resuming', 'mended', meter);
  await store().advance(resuming, 1, meter);
  await expect(store().advance(resuming, 1, meter)).rejects.toThrow('was changed meanwhile');
  const row = await store().read(place.stream, meter);
  if (row === undefined) throw new Error('the group is gone');
  const open = await store().open(row, meter);
  await expect(store().park(row, [message('m2')], meter)).rejects.toThrow('was changed meanwhile');
  // Parking rows are never counted anew: an old row cannot be taken for a new one.
  expect(await stop(open, 'm2')).toMatchObject({ parked: 2, drained: 1 });
});

test('R17: a row of a newer version is not read', async () => {
  const stopped = await stop(undefined, 'm1');
  await store().decide({ ...stopped, v: 2 } as GroupRow, 'resuming', 'no', meter);
  await expect(store().read(place.stream, meter)).rejects.toThrow('row has version 2');
});
