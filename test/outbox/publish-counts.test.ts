import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { outbox } from '../../runtime/outbox/index.js';
import { unit } from '../fixtures/units.js';
import {
  client,
  accounts,
  events,
  freshStore,
  stored,
  envelopes,
  versions,
  account,
  settle,
  outcomeOf,
  later,
  name,
} from './publishing.js';

describe('a memory that is older than the rows it speaks of', () => {
  const expired = async (key: string, upToVersion: number) => {
    for (const { stream, version } of (await stored()).filter(({ stream }) => String(stream).includes(key)))
      if (Number(version) <= upToVersion)
        await client.send(
          new DeleteItemCommand({ TableName: events.name, Key: marshall({ stream, version }) }),
        );
  };
  afterEach(() => jest.restoreAllMocks());

  test.each<[string, () => void]>([
    ['by the clock on the wall', () => later(Date, 'now')],
    ['by the steady clock, when the one on the wall was set back', () => later(performance, 'now')],
  ])('asks after half an hour %s, and gives no version twice', async (_, passes) => {
    const key = name('old');
    const [old, other] = [freshStore(), freshStore()];
    await outcomeOf(unit(`${key}-1`, settle(key)), old);
    for (const i of [2, 3, 4]) await outcomeOf(unit(`${key}-${i}`, settle(key)), other);
    await expired(key, 3);
    passes();
    expect((await outcomeOf(unit(`${key}-5`, settle(key)), old)).kind).toBe('processed');
    expect(await versions()).toEqual([`${key} 4`, `${key} 5`]);
  });

  test('and would otherwise have given version 2 again: the test can fail', async () => {
    const key = name('young');
    const [old, other] = [freshStore(), freshStore()];
    await outcomeOf(unit(`${key}-1`, settle(key)), old);
    for (const i of [2, 3, 4]) await outcomeOf(unit(`${key}-${i}`, settle(key)), other);
    await expired(key, 3);
    await outcomeOf(unit(`${key}-5`, settle(key)), old);
    expect(await versions()).toEqual([`${key} 2`, `${key} 4`]);
  });
});

test('R17: behind a row of a newer version of the library nothing is published, and the message comes again', async () => {
  const key = name('newer');
  const stream = JSON.stringify(['payments', '1', accounts.name, key]);
  const newer = { stream, version: '1'.padStart(40, '0'), v: 3 };
  await client.send(new PutItemCommand({ TableName: events.name, Item: marshall(newer) }));
  expect(await outcomeOf(unit(key, settle(key)))).toMatchObject({
    kind: 'retry',
    error: { fault: 'dependency', message: expect.stringContaining('row has version 3') },
  });
  expect(await stored()).toHaveLength(1);
});

describe('counts of the first release', () => {
  const adopting = () => outbox({ table: events.name, source: 'payments', epoch: '1', adoptVersions: true });
  const adopted = (key: string, by = freshStore(), type = 'Settled') =>
    outcomeOf(
      unit(name('adopted'), (tx) =>
        tx.publish(adopting(), { aggregate: { table: accounts, key: { name: key } }, type, data: {} }),
      ),
      by,
    );
  const places = async () =>
    (await stored()).map(({ stream, version, first, types }) => [
      (JSON.parse(String(stream)) as string[]).length,
      Number(version),
      ...(first === undefined ? [] : ['first']),
      ...(types === undefined ? [] : [types]),
    ]);

  test('are gone on with under their first name, from the item, and the first row says that nothing is before it', async () => {
    const key = name('adopted');
    await outcomeOf(unit(key, (tx) => tx.put(accounts, { name: key, version: 41 })));
    const warm = freshStore();
    for (const type of ['Settled', 'Closed']) await adopted(key, warm, type);
    await adopted(key);
    expect(await places()).toEqual([
      [3, 42, 'first', '{"":"41"}'],
      [3, 43, '{"":"41","Settled":"42"}'],
      [3, 44, '{"":"41","Settled":"42","Closed":"43"}'],
    ]);
    expect(await envelopes()).toMatchObject([{ id: `1/${key}/42`, version: '42' }, {}, {}]);
    expect((await envelopes())[0]).not.toHaveProperty('kind');
    // The item is not counted in any more.
    expect(await account(key)).toEqual({ name: key, version: 41 });
  });

  test('also behind a row of the first release, whose expiry is none of its own', async () => {
    const key = name('row');
    const stream = JSON.stringify(['payments', '1', key]);
    await client.send(
      new PutItemCommand({
        TableName: events.name,
        Item: marshall({
          stream,
          version: '7'.padStart(40, '0'),
          event: '{}',
          type: 'T',
          at: 1,
          v: 1,
          expiration: 9,
        }),
      }),
    );
    await adopted(key);
    expect(await places()).toEqual([
      [3, 7],
      [3, 8, 'first', '{"":"7"}'],
    ]);
  });

  test('do not exist for a new aggregate, nor where they were not asked for', async () => {
    const [fresh, other] = [name('fresh'), name('other')];
    await adopted(fresh);
    await outcomeOf(unit(other, (tx) => tx.put(accounts, { name: other, version: 5 })));
    await outcomeOf(unit(name('other'), settle(other)));
    expect(await places()).toEqual([
      [4, 1],
      [4, 1],
    ]);
  });

  test('that are no whole numbers publish nothing, and the message comes again', async () => {
    const key = name('text');
    await outcomeOf(unit(key, (tx) => tx.put(accounts, { name: key, version: 'three' })));
    expect(await adopted(key)).toMatchObject({
      kind: 'retry',
      error: { name: 'CommitFailed', message: expect.stringContaining('must be a whole number') },
    });
  });
});
