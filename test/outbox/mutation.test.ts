import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { outboxConditions } from '../../runtime/dynamodb/conditions.js';
import { changeStuck, listStuck, readRelayState, readStuck } from '../../runtime/outbox/index.js';
import { noteTick } from '../../runtime/outbox/relay-state.js';
import { digits, inTime, Notebook, streamOf, WrittenOutbox } from './written-outbox.js';

/** The one of publishers is looked for in publisher-mutation.test.ts. */
type Searched = Exclude<keyof typeof outboxConditions, 'versionFree'>;

/** What a condition prevents: each looks for it with the condition as it is, be it right or `true`. */
const searches: Record<Searched, () => Promise<string[]>> = {
  async outboxRowOutlived() {
    const rows = await markedAgain(2);
    const ann = rows.find(({ stream }) => stream?.S === streamOf('ann'));
    return [
      ...(rows.some(({ data }) => data === undefined) ? ['a ghost of an expired row'] : []),
      ...(Number(ann?.expiration?.N) < Date.now() / 1000 + 1000 ? ['a life cut short'] : []),
    ];
  },

  async outboxRowThere() {
    const rows = await markedAgain(1);
    return rows.some(({ data }) => data === undefined) ? ['a ghost of an expired row'] : [];
  },

  async stuckAbsent() {
    const outbox = await WrittenOutbox.open();
    const stuckAt = (target: string) => ({
      ...{ stream: streamOf('ann'), at: 1, reason: `${target} is down` },
      next: new Map([
        ['*', 5n],
        [target, 2n],
      ]),
    });
    // Two instances have seen that it is not listed.
    for (const target of ['one', 'two'])
      await listStuck(outbox.access(), stuckAt(target), { entry: undefined });
    const entry = await outbox.stuckEntry('ann');
    outbox.close();
    return entry?.next.get('one') === 2n && entry.next.get('two') === 2n ? [] : ['a target passed over'];
  },

  async stuckUnchanged() {
    const outbox = await WrittenOutbox.open();
    const listing = { stream: streamOf('ann'), at: 1, reason: 'r', next: new Map([['*', 5n]]) };
    const entry = await listStuck(outbox.access(), listing);
    await listStuck(outbox.access(), { ...listing, next: new Map([['*', 2n]]) });
    // A sweep that has sent everything from 5 on takes off the list what it has read.
    const done = (now: typeof entry) => (now?.next.get('*') === 5n ? undefined : now);
    await changeStuck(outbox.access(), streamOf('ann'), done, { entry });
    const left = await readStuck(outbox.access(), streamOf('ann'));
    outbox.close();
    return left === undefined ? ['a stream taken off the list with events that wait'] : [];
  },

  async tickLater() {
    const outbox = await WrittenOutbox.open();
    for (const shard of ['0', '1', '2', '3'])
      for (const at of [2000, 1000]) await noteTick(outbox.access(), shard, digits(at));
    const { tickedAt } = await readRelayState(outbox.access());
    outbox.close();
    return tickedAt === 2000 ? [] : ['a stream that seems silent'];
  },
};

/**
 * A slow relay that has read the same records as another one, deployed with a shorter retention, comes last, when
 * some rows have expired. @param count events of each stream
 */
async function markedAgain(count: number) {
  const outbox = await WrittenOutbox.open();
  for (let i = 0; i < count; i += 1) await outbox.write(['ann', 'bob']);
  const Records = await outbox.inserted();
  await outbox.relay([new Notebook('n')], { retentionSeconds: 5000 })({ Records }, inTime);
  await outbox.client.send(
    new DeleteItemCommand({
      TableName: outbox.table,
      Key: { stream: { S: streamOf('bob') }, version: { S: digits(1) } },
    }),
  );
  await outbox.relay([new Notebook('n')], { retentionSeconds: 10 })({ Records }, inTime);
  const rows = await outbox.rows();
  outbox.close();
  return rows;
}

const ids = Object.keys(searches) as Searched[];

test.each(ids)('condition %s prevents what it is there for', async (id) => {
  expect(await searches[id]()).toEqual([]);
});

test('every condition of outboxes is looked for', () => {
  expect([...ids, 'versionFree'].sort()).toEqual(Object.keys(outboxConditions).sort());
});

test.each(ids)('condition %s is found to be true', async (id) => {
  const original = outboxConditions[id];
  outboxConditions[id] = `(${original}) OR NOT (${original})`;
  try {
    expect(await searches[id]()).not.toEqual([]);
  } finally {
    outboxConditions[id] = original;
  }
});
