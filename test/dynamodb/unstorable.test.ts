import {
  commitHandlings,
  DynamoStore,
  Handling,
  InvalidWrite,
  Transaction,
  UnserialisableValue,
  WriteRefused,
  type Table,
} from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, rawRow, row } from '../fixtures/dynamo.js';
import { limits, unit } from '../fixtures/units.js';

const client = dynamo();
let receipts: Table;
let counters: Table;
let pairs: Table;
let store: DynamoStore;
/** The longest expression that was sent. */
let longest = 0;

beforeAll(async () => {
  [receipts, counters, pairs] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'name'),
    newTable(client, 'one', 'two'),
  ]);
  store = new DynamoStore({ client, tableName: receipts.name, retentionSeconds: 3600 });
  client.middlewareStack.add(
    (next) => async (args) => {
      measure(args.input);
      return next(args);
    },
    { step: 'initialize', name: 'measure' },
  );
});
afterAll(() => client.destroy());

function measure(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value))
    if (name.endsWith('Expression') && typeof member === 'string')
      longest = Math.max(longest, Buffer.byteLength(member));
    else measure(member);
}

class Money {
  constructor(readonly cents: number) {}
}
const circle: Record<string, unknown> = {};
circle.self = circle;
const unstorable: [string, unknown, string][] = [
  ['a Date', new Date(0), 'a Date is no value'],
  ['a Map', new Map([['a', 1]]), 'a Map is no value'],
  ['a class instance', new Money(1), 'a Money is no value'],
  ['a Promise', Promise.resolve(1), 'a Promise is no value'],
  ['an Error', new Error('secret'), 'a Error is no value'],
  ['NaN', Number.NaN, 'NaN is no number'],
  ['Infinity', Infinity, 'Infinity is no number'],
  ['a number beyond 2^53', 2 ** 60, 'give a bigint'],
  ['a bigint of 39 digits', 10n ** 39n + 1n, '38 digits'],
  ['a number next to nothing', 1e-200, '10^-130'],
  ['a function', () => 1, 'a function is no value'],
  ['a symbol', Symbol('s'), 'a symbol is no value'],
  ['an empty set', new Set(), 'a set must have members'],
  ['a set of two kinds', new Set([1, 'a']), 'a set must have members'],
  ['what contains itself', circle, 'nested deeper than 32'],
];

describe.each(unstorable)('R44: %s', (_, value, problem) => {
  test('in a row names the attribute, and what is wrong', () => {
    const write = () => new Transaction().put(counters, { name: 'x', details: { list: [1, value] } });
    expect(write).toThrow(InvalidWrite);
    expect(write).toThrow(problem);
    expect(write).toThrow('details.list[1]');
  });

  test('in an update likewise', () => {
    const write = () => new Transaction().update(counters, { name: 'x' }, { set: { details: value } });
    expect(write).toThrow(InvalidWrite);
    expect(write).toThrow(problem);
  });

  test('as a result is the fault of its own message, with the path', async () => {
    const handling = new Handling(store, {
      receipt: { id: 'tester#result', fingerprint: 'f' },
      lane: 'l',
      handle: () => ({ of: value }),
    });
    const run = handling.run(limits());
    await expect(run).rejects.toThrow(UnserialisableValue);
    await expect(run).rejects.toThrow('result.of');
    await expect(run).rejects.toMatchObject({ final: true, fault: 'message' });
  });
});

test('what can be stored comes back as it was', async () => {
  const given = {
    name: 'all',
    text: 'x',
    integer: 7,
    negative: -3.5,
    tiny: 1e-7,
    big: 2n ** 100n,
    yes: true,
    nothing: null,
    list: [1, ['a', { b: null }]],
    map: { a: { b: 'c' } },
    texts: new Set(['a', 'b']),
    numbers: new Set([1, 2]),
    bytes: new Uint8Array([1, 2, 3]),
  };
  let found: unknown;
  const handling = new Handling(store, {
    receipt: { id: 'tester#reads-all', fingerprint: 'f' },
    lane: 'l',
    handle: async (tx) => {
      found = await tx.get(counters, { name: 'all' }, Object.keys(given));
    },
  });
  const writer = unit('all', (tx) => tx.put(counters, given));
  expect((await store.commit([writer], limits())).get(writer)?.kind).toBe('processed');
  await handling.run(limits());
  expect(found).toEqual(given);
});

test('integers that a number holds only roughly are not added either', () => {
  const add = (by: number | bigint) => () =>
    new Transaction().update(counters, { name: 'x' }, { add: { wei: by } });
  expect(add(2 ** 53 + 2)).toThrow(InvalidWrite);
  expect(add(2n ** 53n + 1n)).not.toThrow();
});

describe('keys', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a lone surrogate', { one: '\ud800', two: 'b' }, 'lone surrogate'],
    ['over 2,048 bytes', { one: 'é'.repeat(1025), two: 'b' }, '2050 bytes, DynamoDB allows 2048'],
    ['a sort key over 1,024 bytes', { one: 'a', two: 'b'.repeat(1025) }, 'DynamoDB allows 1024'],
    ['empty', { one: 'a', two: '' }, 'is empty'],
    ['missing', { one: 'a' }, 'must be a string, number or binary, got undefined'],
  ])('%s', (_, key, problem) => {
    const tx = new Transaction();
    for (const write of [
      () => tx.put(pairs, key),
      () => tx.update(pairs, key, { add: { n: 1 } }),
      () => tx.delete(pairs, key),
    ]) {
      expect(write).toThrow(InvalidWrite);
      expect(write).toThrow(problem);
    }
  });

  test('at the limits are written', async () => {
    const one = unit('limits', (tx) => tx.put(pairs, { one: 'é'.repeat(1024), two: 'b'.repeat(1024) }));
    expect((await store.commit([one], limits())).get(one)?.kind).toBe('processed');
  });
});

test('attributes may be called as what every object has', async () => {
  const odd = ['toString', 'constructor', 'hasOwnProperty', 'valueOf', '__proto__'];
  const values = (text: string) => Object.fromEntries(odd.map((name) => [name, text]));
  const put = unit('odd-put', (tx) =>
    tx.put(counters, { name: 'odd', ...values('put'), ['__proto__']: 'put' }),
  );
  await store.commit([put], limits());
  const [readable] = [odd.slice(0, -1)];
  let found: unknown;
  const handling = new Handling(store, {
    receipt: { id: 'tester#odd-update', fingerprint: 'f' },
    lane: 'l',
    handle: async (tx) => {
      found = await tx.get(counters, { name: 'odd' }, readable);
      tx.update(counters, { name: 'odd' }, { set: { ...values('set'), ['__proto__']: 'set' } });
    },
  });
  await handling.run(limits());
  expect(found).toEqual({ name: 'odd', ...Object.fromEntries(readable.map((name) => [name, 'put'])) });
  expect((await commitHandlings(store, [handling], limits())).get(handling)?.kind).toBe('processed');
  expect(handling.runs).toBe(1);
  const item = await rawRow(client, counters, { name: 'odd' });
  expect(Object.keys(item ?? {}).sort()).toEqual([...odd, 'name'].sort());
  for (const name of readable) expect(item?.[name]).toEqual({ S: 'set' });

  const add = (key: string) =>
    unit(key, (tx) => tx.update(counters, { name: 'odd-sum' }, { add: { toString: 1, constructor: 2 } }));
  const adders = [add('odd-1'), add('odd-2')];
  const outcomes = await store.commit(adders, limits());
  expect(adders.map((one) => outcomes.get(one)?.kind)).toEqual(['processed', 'processed']);
  expect(await row(client, counters, { name: 'odd-sum' })).toEqual({
    name: 'odd-sum',
    toString: 2,
    constructor: 4,
  });
});

test('the one name that the AWS SDK cannot read is refused, and does not pass for absent', async () => {
  await expect(store.transaction(limits()).get(counters, { name: 'odd' }, ['__proto__'])).rejects.toThrow(
    InvalidWrite,
  );
});

describe('expressions stay below 4 KB', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `attribute${i}`);
  const attributes = (count: number) => Object.fromEntries(names(count).map((name, i) => [name, i]));
  const reader = (name: string, count: number) => {
    const found: unknown[] = [];
    const handling = new Handling(store, {
      receipt: { id: `tester#${name}-${count}`, fingerprint: 'f' },
      lane: 'l',
      handle: async (tx) => {
        found.push(await tx.get(counters, { name }, names(count)));
        tx.put(counters, { name: `${name}-${count}-decision` });
      },
    });
    return { handling, found };
  };

  test.each([150, 300, 1500])('of a read of %d attributes of no item', async (count) => {
    longest = 0;
    const { handling } = reader('nothing', count);
    await handling.run(limits());
    expect((await commitHandlings(store, [handling], limits())).get(handling)?.kind).toBe('processed');
    expect(longest).toBeLessThanOrEqual(4096);
  });

  test('of a read of 250 attributes, all of which are checked', async () => {
    longest = 0;
    await store.commit(
      [unit('wide', (tx) => tx.put(counters, { name: 'wide', ...attributes(250) }))],
      limits(),
    );
    const { handling, found } = reader('wide', 250);
    await handling.run(limits());
    await store.commit(
      [unit('wide-2', (tx) => tx.update(counters, { name: 'wide' }, { set: { attribute249: 'new' } }))],
      limits(),
    );
    expect((await commitHandlings(store, [handling], limits())).get(handling)?.kind).toBe('processed');
    expect(found).toMatchObject([{ attribute249: 249 }, { attribute249: 'new' }]);
    expect(longest).toBeLessThanOrEqual(4096);
  });

  test('of an update of 250 attributes; one of more is refused with the numbers', async () => {
    longest = 0;
    const wide = unit('wide-3', (tx) => tx.update(counters, { name: 'wide-3' }, { set: attributes(250) }));
    expect((await store.commit([wide], limits())).get(wide)?.kind).toBe('processed');
    expect(longest).toBeLessThanOrEqual(4096);
    const tooWide = () => new Transaction().update(counters, { name: 'x' }, { set: attributes(500) });
    expect(tooWide).toThrow(InvalidWrite);
    expect(tooWide).toThrow(/UpdateExpression has \d+ bytes, DynamoDB allows 4096/);
  });

  test('a read of more than a condition can name is refused as it is made', async () => {
    const { handling } = reader('wide', 600);
    await expect(handling.run(limits())).rejects.toThrow(
      /ConditionExpression has \d+ bytes, DynamoDB allows 4096/,
    );
  });

  test('a condition whose placeholders would be taken for ours is refused', () => {
    const condition = { expression: '#xo0 = :v', names: { '#xo0': 'a' }, values: { ':v': 1 } };
    expect(() => new Transaction().put(counters, { name: 'x' }, condition)).toThrow("placeholder '#xo0'");
  });
});

test('what only DynamoDB finds is the fault of the message that has it, and its neighbours act', async () => {
  const refused = unit('refused', (tx) =>
    tx.update(
      counters,
      { name: 'refused' },
      { add: { value: 1 }, condition: { expression: 'this is no condition', names: {} } },
    ),
  );
  const neighbours = ['a', 'b'].map((key) =>
    unit(key, (tx) => tx.update(counters, { name: 'neighbour' }, { add: { value: 1 } })),
  );
  const outcomes = await store.commit([...neighbours.slice(0, 1), refused, ...neighbours.slice(1)], limits());
  expect(outcomes.get(refused)).toEqual({ kind: 'retry', error: expect.any(WriteRefused) });
  expect(neighbours.map((one) => outcomes.get(one)?.kind)).toEqual(['processed', 'processed']);
  expect((await row(client, counters, { name: 'neighbour' }))?.value).toBe(2);
});
