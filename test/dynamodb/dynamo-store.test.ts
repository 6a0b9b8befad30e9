import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  ConditionFailed,
  DynamoStore,
  InProgressElsewhere,
  InvalidSettings,
  InvalidWrite,
  ItemWrittenTwice,
  KeyReused,
  NewerRow,
  Transaction,
  TransactionTooLarge,
  type Table,
  type UnitOutcome,
} from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, rawRow, row } from '../fixtures/dynamo.js';
import { limits, unit } from '../fixtures/units.js';

const client = dynamo();
const retentionSeconds = 1000;
let receipts: Table;
let counters: Table;
let store: DynamoStore;

beforeAll(async () => {
  [receipts, counters] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
  store = new DynamoStore({ client, tableName: receipts.name, retentionSeconds });
});
afterAll(() => client.destroy());

/** An effect that shows every double: an increment without a key. */
const count = (name: string, by: number | bigint = 1) => {
  return (tx: Transaction) => tx.update(counters, { name }, { add: { value: by } });
};
const value = async (name: string) => (await row(client, counters, { name }))?.value;

const outcomesOf = async (...units: ReturnType<typeof unit>[]) => {
  const outcomes = await store.commit(units, limits());
  return units.map((one) => outcomes.get(one));
};

const errorOf = (outcome: UnitOutcome | undefined) =>
  outcome !== undefined && 'error' in outcome ? (outcome.error as Error) : undefined;

test('a message acts once, and its copy is a duplicate that carries the first result', async () => {
  const message = () => unit('once', count('once'), { result: { total: 7 } });
  expect(await outcomesOf(message())).toEqual([{ kind: 'processed' }]);
  expect(await outcomesOf(message())).toEqual([{ kind: 'duplicate', result: { total: 7 } }]);
  expect(await value('once')).toBe(1);
});

test('of 20 commits of one message at the same time, one acts', async () => {
  const kinds = await Promise.all(
    Array.from({ length: 20 }, async () => (await outcomesOf(unit('race', count('race'))))[0]?.kind),
  );
  expect(kinds.filter((kind) => kind === 'processed')).toHaveLength(1);
  expect(await value('race')).toBe(1);
});

test('R1: one event to two consumers of one table has two effects', async () => {
  await outcomesOf(unit('event', count('two-consumers'), { consumer: 'mail' }));
  await outcomesOf(unit('event', count('two-consumers'), { consumer: 'ledger' }));
  expect(await value('two-consumers')).toBe(2);
});

test('R5: the same key with another payload is rejected with both fingerprints and does not act', async () => {
  await outcomesOf(unit('reused', count('reused'), { payload: { cents: 100 } }));
  const [outcome] = await outcomesOf(unit('reused', count('reused'), { payload: { cents: 999 } }));
  expect(outcome).toEqual({ kind: 'rejected', error: expect.any(KeyReused) });
  const error = errorOf(outcome) as KeyReused;
  expect(error.storedFingerprint).not.toBe(error.givenFingerprint);
  expect(await value('reused')).toBe(1);
});

test('R7: a receipt suppresses for as long as its row exists, also when it has expired', async () => {
  await outcomesOf(unit('expired', count('expired')));
  const item = await rawRow(client, receipts, { id: 'tester#expired' });
  await client.send(
    new PutItemCommand({ TableName: receipts.name, Item: { ...item, expiration: { N: '1' } } }),
  );
  expect((await outcomesOf(unit('expired', count('expired'))))[0]?.kind).toBe('duplicate');
  expect(await value('expired')).toBe(1);
});

test('R7: a row that says "in progress" never acknowledges, and the message does not act either', async () => {
  const row = {
    id: { S: 'tester#inprogress' },
    status: { S: 'INPROGRESS' },
    expiration: { N: '9999999999' },
  };
  await client.send(new PutItemCommand({ TableName: receipts.name, Item: row }));
  const message = unit('inprogress', count('inprogress'));
  expect(await outcomesOf(message)).toEqual([{ kind: 'retry', error: expect.any(InProgressElsewhere) }]);
  for (const consistent of [true, false])
    expect((await store.recall([message.receipt], limits(), consistent)).size).toBe(0);
  expect(await value('inprogress')).toBeUndefined();
});

test('R8: a duplicate renews a receipt with less than a fifth of its life left, and no other', async () => {
  const message = () => unit('old', count('old'));
  const expiration = async () =>
    Number((await rawRow(client, receipts, { id: 'tester#old' }))?.expiration?.N);
  await outcomesOf(message());
  const fresh = await expiration();
  const age = async (seconds: number) => {
    const item = await rawRow(client, receipts, { id: 'tester#old' });
    await client.send(
      new PutItemCommand({
        TableName: receipts.name,
        Item: { ...item, expiration: { N: String(fresh - seconds) } },
      }),
    );
  };
  await age(500);
  await outcomesOf(message());
  expect(await expiration()).toBe(fresh - 500);
  await age(900);
  await outcomesOf(message());
  expect(await expiration()).toBeGreaterThanOrEqual(fresh);
  await age(900);
  const copy = message();
  await store.recall([copy.receipt], limits(), false);
  expect(await expiration()).toBeGreaterThanOrEqual(fresh);
});

test('R17: a row of a newer version is neither run nor called a duplicate', async () => {
  const item = { id: { S: 'tester#newer' }, v: { N: '2' }, status: { S: 'COMPLETED' } };
  await client.send(new PutItemCommand({ TableName: receipts.name, Item: item }));
  expect(await outcomesOf(unit('newer', count('newer')))).toEqual([
    { kind: 'retry', error: expect.any(NewerRow) },
  ]);
  expect(await value('newer')).toBeUndefined();
});

describe('a pack of messages', () => {
  test('is one call, and increments of one item are summed exactly', async () => {
    const { meter, ...rest } = limits();
    const big = 2n ** 60n;
    const units = [1, 2, 3].map((n) => unit(`sum-${n}`, count('sum', big)));
    await store.commit(units, { meter, ...rest });
    expect(meter.calls).toBe(1);
    expect(await value('sum')).toBe(3n * big);
    // 3 receipts and 1 row: 2 write units each.
    expect(meter.writeUnits).toBe(8);
  });

  test('goes into a second commit where two messages change one item in ways that cannot be summed', async () => {
    const set = (text: string) => (tx: Transaction) =>
      tx.update(counters, { name: 'set' }, { set: { text }, add: { value: 1 } });
    const { meter, ...rest } = limits();
    const units = [unit('set-1', set('first'), { lane: 'g' }), unit('set-2', set('second'), { lane: 'g' })];
    const outcomes = await store.commit(units, { meter, ...rest });
    expect([...outcomes.values()].map(({ kind }) => kind)).toEqual(['processed', 'processed']);
    expect(meter.calls).toBe(2);
    expect(await row(client, counters, { name: 'set' })).toEqual({ name: 'set', text: 'second', value: 2 });
  });

  test('increments that a sum would round are not summed but both made', async () => {
    const outcomes = await outcomesOf(unit('dec-1', count('dec', 0.1)), unit('dec-2', count('dec', 0.2)));
    expect(outcomes.map((outcome) => outcome?.kind)).toEqual(['processed', 'processed']);
    expect(await value('dec')).toBe(0.3);
  });

  test('a duplicate leaves it, and the rest commits', async () => {
    await outcomesOf(unit('dup-2', count('dup')));
    const outcomes = await outcomesOf(...[1, 2, 3].map((n) => unit(`dup-${n}`, count('dup'), { lane: 'g' })));
    expect(outcomes.map((outcome) => outcome?.kind)).toEqual(['processed', 'duplicate', 'processed']);
    expect(await value('dup')).toBe(3);
  });

  test('a rejected one leaves it with all later ones of its lane, other lanes commit', async () => {
    await outcomesOf(unit('lane-2', count('lane'), { payload: 'before' }));
    const outcomes = await outcomesOf(
      unit('lane-1', count('lane'), { lane: 'a' }),
      unit('lane-2', count('lane'), { lane: 'a', payload: 'after' }),
      unit('lane-3', count('lane'), { lane: 'a' }),
      unit('lane-4', count('lane'), { lane: 'b' }),
    );
    expect(outcomes.map((outcome) => outcome?.kind)).toEqual([
      'processed',
      'rejected',
      undefined,
      'processed',
    ]);
    expect(await value('lane')).toBe(3);
  });

  test('of more than 100 actions is split into several', async () => {
    const units = Array.from({ length: 80 }, (_, n) => unit(`many-${n}`, count(`many-${n}`)));
    const { meter, ...rest } = limits();
    const outcomes = await store.commit(units, { meter, ...rest });
    expect(new Set([...outcomes.values()].map(({ kind }) => kind))).toEqual(new Set(['processed']));
    expect(meter.calls).toBe(2);
  });

  test('with one write that DynamoDB refuses fails that message alone', async () => {
    await outcomesOf(
      unit('text', (tx) => tx.put(counters, { name: 'text', value: 'a text cannot be incremented' })),
    );
    const outcomes = await outcomesOf(
      unit('refuse-1', count('healthy')),
      unit('refuse-2', count('text')),
      unit('refuse-3', count('healthy')),
    );
    expect(outcomes.map((outcome) => outcome?.kind)).toEqual(['processed', 'retry', 'processed']);
    expect(await value('healthy')).toBe(2);
  });
});

describe('a condition of the handler', () => {
  const spend = (tx: Transaction) =>
    tx.update(
      counters,
      { name: 'purse' },
      {
        add: { value: -80 },
        condition: { expression: '#v >= :need', names: { '#v': 'value' }, values: { ':need': 80 } },
      },
    );

  test('that fails writes nothing and surfaces with the item as it stood', async () => {
    await outcomesOf(unit('fill', count('purse', 100)));
    expect(await outcomesOf(unit('spend-1', spend))).toEqual([{ kind: 'processed' }]);
    const [outcome] = await outcomesOf(unit('spend-2', spend));
    expect(outcome).toEqual({ kind: 'retry', error: expect.any(ConditionFailed) });
    expect(errorOf(outcome)).toMatchObject({ item: { name: 'purse', value: 20 } });
    expect(await row(client, receipts, { id: 'tester#spend-2' })).toBeUndefined();
  });

  test('R12: that fails together with the receipt is a duplicate', async () => {
    expect((await outcomesOf(unit('spend-1', spend)))[0]?.kind).toBe('duplicate');
    expect(await value('purse')).toBe(20);
  });

  test('insert refuses a row that is there', async () => {
    await outcomesOf(unit('insert-1', (tx) => tx.insert(counters, { name: 'new', by: 1 })));
    const [outcome] = await outcomesOf(unit('insert-2', (tx) => tx.insert(counters, { name: 'new', by: 2 })));
    expect(outcome).toEqual({ kind: 'retry', error: expect.any(ConditionFailed) });
    expect(await row(client, counters, { name: 'new' })).toEqual({ name: 'new', by: 1 });
  });

  test('check commits only while it holds, and delete takes the row away', async () => {
    const whenThere = (tx: Transaction) => {
      tx.check(counters, { name: 'flag' }, { expression: 'attribute_exists(#n)', names: { '#n': 'name' } });
      tx.update(counters, { name: 'checked' }, { add: { value: 1 } });
    };
    expect((await outcomesOf(unit('check-1', whenThere)))[0]?.kind).toBe('retry');
    await outcomesOf(unit('flag', (tx) => tx.put(counters, { name: 'flag' })));
    expect((await outcomesOf(unit('check-1', whenThere)))[0]?.kind).toBe('processed');
    await outcomesOf(unit('unflag', (tx) => tx.delete(counters, { name: 'flag' })));
    expect(await row(client, counters, { name: 'flag' })).toBeUndefined();
    expect(await value('checked')).toBe(1);
  });
});

describe('bad input is a typed error and nothing is half-written', () => {
  test('more than 99 writes', () => {
    const fill = (tx: Transaction) => {
      for (let n = 0; n < 100; n += 1) tx.put(counters, { name: `too-many-${n}` });
    };
    expect(() => unit('too-many', fill)).toThrow(TransactionTooLarge);
    expect(() => unit('too-many', fill)).toThrow('has 101 actions, DynamoDB allows 100');
  });

  test('more than 4 MB', async () => {
    const text = 'x'.repeat(390_000);
    const fill = (tx: Transaction) => {
      for (let n = 0; n < 11; n += 1) tx.put(counters, { name: `too-big-${n}`, text });
    };
    expect(await outcomesOf(unit('too-big', fill))).toEqual([
      { kind: 'rejected', error: expect.any(TransactionTooLarge) },
    ]);
    expect(await row(client, counters, { name: 'too-big-0' })).toBeUndefined();
  });

  test('an item over 400 KB, its attribute names included', async () => {
    const put = (bytes: number) => (tx: Transaction) =>
      tx.put(counters, { name: 'fat', text: 'x'.repeat(bytes - 'namefattext'.length) });
    expect(() => unit('fat', put(400 * 1024 + 1))).toThrow(InvalidWrite);
    expect(await outcomesOf(unit('fat', put(400 * 1024)))).toEqual([{ kind: 'processed' }]);
  });

  test.each<[string, (tx: Transaction) => void, new (...given: never[]) => Error]>([
    [
      'one item twice',
      (tx) => [1, 2].forEach((n) => tx.put(counters, { name: 'twice', n })),
      ItemWrittenTwice,
    ],
    [
      'a value that DynamoDB cannot hold',
      (tx) => tx.put(counters, { name: 'd', d: new Date(0) }),
      InvalidWrite,
    ],
    [
      'an integer that a number holds only roughly',
      (tx) => tx.put(counters, { name: 'n', n: 2 ** 60 }),
      InvalidWrite,
    ],
    ['no key', (tx) => tx.put(counters, { other: 'x' }), InvalidWrite],
    ['an empty key', (tx) => tx.put(counters, { name: '' }), InvalidWrite],
    ['an update of nothing', (tx) => tx.update(counters, { name: 'x' }, {}), InvalidWrite],
    [
      'an update of the key',
      (tx) => tx.update(counters, { name: 'x' }, { set: { name: 'y' } }),
      InvalidWrite,
    ],
    [
      'one attribute changed twice',
      (tx) => tx.update(counters, { name: 'x' }, { set: { a: 1 }, add: { a: 1 } }),
      InvalidWrite,
    ],
    [
      'an increment by NaN',
      (tx) => tx.update(counters, { name: 'x' }, { add: { a: Number.NaN } }),
      InvalidWrite,
    ],
  ])('%s', (_, fill, type) => {
    expect(() => fill(new Transaction())).toThrow(type);
  });

  test('a table that does not exist', async () => {
    const lost = new DynamoStore({ client, tableName: 'no-such-table', retentionSeconds });
    const message = unit('lost', count('lost'));
    const outcome = (await lost.commit([message], limits())).get(message);
    expect(outcome?.kind).toBe('retry');
    expect(errorOf(outcome)?.message).toContain("is 'no-such-table' the right table");
    expect(await value('lost')).toBeUndefined();
  });

  test('settings out of range, all of them named', () => {
    expect(() => new DynamoStore({ client, tableName: '', retentionSeconds: 0.5 })).toThrow(InvalidSettings);
    expect(() => new DynamoStore({ client, tableName: '', retentionSeconds: 0.5 })).toThrow(
      'invalid settings: tableName of the dedup table is empty; retentionSeconds must be a positive whole number, got 0.5',
    );
  });
});
