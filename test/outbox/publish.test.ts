import { randomUUID } from 'node:crypto';
import {
  DeleteItemCommand,
  PutItemCommand,
  ScanCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import { startFaultProxy, type FaultProxy } from '../../drive/faults/fault-proxy.js';
import {
  DynamoStore,
  InvalidWrite,
  Transaction,
  TransactionTooLarge,
  UnserialisableValue,
  type Table,
  type Unit,
} from '../../runtime/dynamodb/index.js';
import { itemBytes } from '../../runtime/dynamodb/item-size.js';
import { cloudEvent, eventBytes, outbox, type CloudEvent, type Outbox } from '../../runtime/outbox/index.js';
import { relayed } from '../../runtime/outbox/envelope.js';
import { readRow } from '../../runtime/outbox/event-row.js';
import { deliver } from '../../runtime/testing/index.js';
import { orderConsumer, ordersOf } from '../fixtures/order-consumer.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { limits, unit } from '../fixtures/units.js';

const client = dynamo();
let receipts: Table;
let accounts: Table;
let events: Table;
let payments: Outbox;
let store: DynamoStore;
const clients: DynamoDBClient[] = [client];

beforeAll(async () => {
  [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
});
beforeEach(async () => {
  events = await newTable(client, 'stream', 'version');
  payments = outbox({ table: events.name, source: 'payments', epoch: '1' });
  store = freshStore();
});
afterAll(() => {
  for (const one of clients) one.destroy();
});

/** One that remembers no versions. */
function freshStore(options: Parameters<typeof dynamo>[0] = {}): DynamoStore {
  const own = dynamo(options);
  clients.push(own);
  return new DynamoStore({ client: own, tableName: receipts.name, retentionSeconds: 3600 });
}

/** What is in the outbox, in the order of aggregates and versions. */
async function stored(): Promise<Record<string, unknown>[]> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: events.name, ConsistentRead: true }));
  const place = ({ stream, version }: Record<string, unknown>) => `${String(stream)} ${String(version)}`;
  return Items.map((item) => unmarshall(item)).sort((a, b) => (place(a) < place(b) ? -1 : 1));
}
const envelopes = async () =>
  (await stored())
    .filter(({ data }) => data !== undefined)
    .map((item) => JSON.parse(relayed(readRow(marshall(item))).event) as CloudEvent<unknown>);
const versions = async () => (await envelopes()).map(({ aggregate, version }) => `${aggregate} ${version}`);
const account = async (name: string) => row(client, accounts, { name });
const upTo = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i + 1}`);

const publish = (tx: Transaction, name: string, data: unknown = {}) =>
  tx.publish(payments, { aggregate: { table: accounts, key: { name } }, type: 'Settled', data });
/** An unkeyed effect on the aggregate itself, and an event. */
const settle = (name: string) => (tx: Transaction) => {
  tx.update(accounts, { name }, { add: { count: 1 } });
  publish(tx, name);
};
const outcomeOf = async (one: Unit, by = store) => {
  const given = limits();
  const outcome = (await by.commit([one], given)).get(one);
  return { kind: outcome?.kind, error: undefined, ...outcome, meter: given.meter };
};
/** With a short name of its stream 900 bytes, and what it is called by them. */
const event900 = (key: string) => ({
  aggregate: { table: accounts, key: { name: key }, name: key.slice(0, 8), kind: 'a' },
  type: 'Settled',
  data: 'x'.repeat(868),
});
/** From now on half an hour later by this clock. */
const later = (clock: { now(): number }, method: 'now') => {
  const now = clock.now.bind(clock);
  jest.spyOn(clock, method).mockImplementation(() => now() + 30 * 60_000);
};
const name = (what: string) => `${what}-${randomUUID().slice(0, 8)}`;

test('contract: the row of an event, and the event in it', async () => {
  const key = name('row');
  const time = new Date('2026-11-01T12:00:00.000Z');
  const event = {
    aggregate: { table: accounts, key: { name: key }, kind: 'account' },
    type: 'PaymentSettled',
    data: { cents: 7 },
  };
  await outcomeOf(
    unit(key, (tx) => {
      tx.publish(payments, { ...event, group: 'customer-1', time });
      tx.publish(payments, { ...event, type: 'AccountClosed' });
      tx.publish(payments, event);
    }),
  );
  const [found, closed, last] = await stored();
  const common = {
    stream: JSON.stringify(['payments', '1', 'account', key]),
    at: expect.any(Number),
    v: 2,
    data: '{"cents":7}',
  };
  expect([found, closed, last]).toEqual([
    {
      ...{ ...common, version: '0'.repeat(39) + '1', type: 'PaymentSettled' },
      ...{ group: 'customer-1', time: time.toISOString() },
    },
    { ...common, version: '0'.repeat(39) + '2', type: 'AccountClosed', types: '{"PaymentSettled":"1"}' },
    {
      ...{ ...common, version: '0'.repeat(39) + '3', type: 'PaymentSettled' },
      types: '{"PaymentSettled":"1","AccountClosed":"2"}',
    },
  ]);
  const committed = new Date(found?.at as number).toISOString();
  const [first] = await envelopes();
  expect(first).toEqual({
    specversion: '1.0',
    id: `1/account/${key}/1`,
    source: 'payments',
    type: 'PaymentSettled',
    subject: key,
    time: time.toISOString(),
    datacontenttype: 'application/json',
    epoch: '1',
    kind: 'account',
    aggregate: key,
    version: '1',
    firstenqueue: committed,
    data: { cents: 7 },
  });
  const schema = cloudEvent(z.object({ cents: z.int() }));
  expect(schema['~standard'].validate(first)).toMatchObject({ value: { data: { cents: 7 }, version: '1' } });
});

test('R29: a warm instance publishes in one call; a cold one reads first; one that is behind is refused once', async () => {
  const key = name('cost');
  const other = freshStore();
  const calls = async (id: string, by: DynamoStore) => {
    const { kind, meter } = await outcomeOf(unit(id, settle(key)), by);
    return [kind, meter.calls, meter.readUnits, meter.conflicts];
  };
  // The newest row, the epoch that is open, and the commit.
  expect(await calls(`${key}-1`, store)).toEqual(['processed', 3, 1.5, 0]);
  expect(await calls(`${key}-2`, store)).toEqual(['processed', 1, 0, 0]);
  expect(await calls(`${key}-3`, other)).toEqual(['processed', 3, 1.5, 0]);
  // The refused commit, the same two reads consistently, and the commit.
  expect(await calls(`${key}-4`, store)).toEqual(['processed', 4, 2, 1]);
  expect(await versions()).toEqual(upTo(key, 4));
  expect(await account(key)).toEqual({ name: key, count: 4 });
});

test('R29: several events of one message, and of several messages of one pack, have versions without gaps', async () => {
  const key = name('pack');
  const units = [1, 2, 3].map((i) =>
    unit(
      `${key}-${i}`,
      (tx) => {
        settle(key)(tx);
        publish(tx, key, { i });
      },
      { lane: 'one' },
    ),
  );
  const given = limits();
  const outcomes = await store.commit(units, given);
  expect(units.map((one) => outcomes.get(one)?.kind)).toEqual(['processed', 'processed', 'processed']);
  expect(given.meter.calls).toBe(3);
  expect(await versions()).toEqual(upTo(key, 6));
  expect((await envelopes()).map(({ data }) => data)).toEqual([{}, { i: 1 }, {}, { i: 2 }, {}, { i: 3 }]);
  expect(await account(key)).toEqual({ name: key, count: 3 });
});

test.each<[string, (tx: Transaction, key: string) => void, object | undefined]>([
  ['no write', () => undefined, undefined],
  ['an increment', (tx, key) => tx.update(accounts, { name: key }, { add: { count: 1 } }), { count: 1 }],
  ['a put', (tx, key) => tx.put(accounts, { name: key, version: 'ours' }), { version: 'ours' }],
  [
    'a check',
    (tx, key) => tx.check(accounts, { name: key }, { expression: 'attribute_not_exists(c)' }),
    undefined,
  ],
  ['a delete', (tx, key) => tx.delete(accounts, { name: key }), undefined],
])(
  '2 write units for an event of 900 bytes, with %s of its aggregate beside it, and nothing of it is touched',
  async (_, write, rest) => {
    const key = name('own');
    const unitsOf = async (fill: (tx: Transaction) => void) =>
      (await outcomeOf(unit(name('own'), fill))).meter.writeUnits;
    const without = await unitsOf((tx) => write(tx, key));
    const many = await unitsOf((tx) => {
      write(tx, key);
      tx.publish(payments, event900(key));
    });
    expect(many - without).toBe(2);
    expect(await account(key)).toEqual(rest && { name: key, ...rest, ...('count' in rest && { count: 2 }) });
    // With the relay's mark, which makes it larger, it stays within 1 KB.
    const [found] = await stored();
    expect(itemBytes(marshall({ ...found, expiration: 1_795_000_000 }))).toBeLessThanOrEqual(1_024);
  },
);

test('a condition of the handler’s own on the aggregate surfaces, also in the attempt that loses the race for the version', async () => {
  const key = name('condition');
  const closed = (tx: Transaction) => {
    const condition = { expression: '#c < :most', names: { '#c': 'count' }, values: { ':most': 2 } };
    tx.update(accounts, { name: key }, { add: { count: 1 }, condition });
    publish(tx, key);
  };
  await outcomeOf(unit(`${key}-1`, settle(key)));
  const other = freshStore();
  expect((await outcomeOf(unit(`${key}-2`, closed), other)).kind).toBe('processed');
  // Two are there now; this one assumes version 1, and both conditions fail.
  const refused = await outcomeOf(unit(`${key}-3`, closed));
  expect(refused).toMatchObject({ kind: 'retry', error: { name: 'ConditionFailed', item: { count: 2 } } });
  // What was refused has published nothing, and the next one leaves no gap.
  await outcomeOf(unit(`${key}-4`, settle(key)));
  expect(await versions()).toEqual(upTo(key, 3));
});

test('instances that publish for one aggregate at once: contiguous versions, each event once', async () => {
  const key = name('race');
  const consumers = Array.from({ length: 4 }, () => {
    const own = dynamo();
    clients.push(own);
    return orderConsumer(own, receipts, { handle: (_, tx) => settle(key)(tx) });
  });
  await Promise.all(consumers.map(async ({ handler }, i) => deliver(handler, ordersOf(`${key}-${i}`, 6))));
  expect(await versions()).toEqual(
    upTo(key, 24).sort((a, b) => Number(a.split(' ')[1]) - Number(b.split(' ')[1])),
  );
  expect(await account(key)).toEqual({ name: key, count: 24 });
});

describe('lost answers', () => {
  let proxy: FaultProxy;
  let toLose = 0;
  beforeAll(async () => {
    proxy = await startFaultProxy({
      upstream: embedded().endpoint,
      decide: ({ headers }) => {
        if (headers['x-amz-target'] !== 'DynamoDB_20120810.TransactWriteItems' || toLose === 0) return 'none';
        toLose -= 1;
        return 'answer';
      },
    });
  });
  afterAll(async () => proxy.stop());

  test('the SDK sends again: published once, and the next event follows', async () => {
    const key = name('lost');
    const sdk = freshStore({ endpoint: proxy.url, maxAttempts: 3 });
    toLose = 1;
    expect((await outcomeOf(unit(`${key}-1`, settle(key)), sdk)).kind).toBe('processed');
    expect((await outcomeOf(unit(`${key}-2`, settle(key)), sdk)).kind).toBe('processed');
    expect(await versions()).toEqual(upTo(key, 2));
  });

  test('nobody sends again: the copy is a duplicate, and the version that may have been given is not given twice', async () => {
    const key = name('unknown');
    const impatient = freshStore({ endpoint: proxy.url, maxAttempts: 1 });
    await outcomeOf(unit(`${key}-1`, settle(key)), impatient);
    toLose = 1;
    expect((await outcomeOf(unit(`${key}-2`, settle(key)), impatient)).kind).toBe('retry');
    expect((await outcomeOf(unit(`${key}-2`, settle(key)), impatient)).kind).toBe('duplicate');
    expect((await outcomeOf(unit(`${key}-3`, settle(key)), impatient)).kind).toBe('processed');
    expect(await versions()).toEqual(upTo(key, 3));
    expect(await account(key)).toEqual({ name: key, count: 3 });
  });
});

test('rolled back: a transaction that does not commit publishes nothing', async () => {
  const key = name('rolled-back');
  const fill = (tx: Transaction) => {
    settle(key)(tx);
    tx.check(accounts, { name: `${key}-other` }, { expression: 'attribute_exists(never)' });
  };
  expect((await outcomeOf(unit(key, fill))).kind).toBe('retry');
  expect(await stored()).toEqual([]);
  expect(await account(key)).toBeUndefined();
});

test('an aggregate that was deleted and made again goes on with its versions', async () => {
  const key = name('deleted');
  await outcomeOf(unit(`${key}-1`, settle(key)));
  await outcomeOf(
    unit(`${key}-2`, (tx) => {
      tx.delete(accounts, { name: key });
      publish(tx, key, 'closed');
    }),
  );
  expect((await outcomeOf(unit(`${key}-3`, settle(key)), freshStore())).kind).toBe('processed');
  expect(await versions()).toEqual(upTo(key, 3));
  expect(await account(key)).toEqual({ name: key, count: 1 });
});

test('one transaction publishes to two outboxes: each has a count of its own, without gaps', async () => {
  const key = name('both');
  const audit = outbox({
    table: (await newTable(client, 'stream', 'version')).name,
    source: 'audit',
    epoch: '1',
  });
  const here = outbox({ table: events.name, source: 'audit', epoch: '1' });
  for (const round of [1, 2, 3])
    await outcomeOf(
      unit(`${key}-${round}`, (tx) => {
        publish(tx, key);
        for (const other of round === 2 ? [] : [audit, here])
          tx.publish(other, {
            aggregate: { table: accounts, key: { name: key } },
            type: 'Audited',
            data: round,
          });
      }),
    );
  const rows = await stored();
  const of = (source: string) =>
    rows
      .filter(({ stream }) => String(stream).startsWith(`["${source}"`))
      .map(({ version }) => Number(version));
  expect([of('payments'), of('audit')]).toEqual([
    [1, 2, 3],
    [1, 2],
  ]);
});

test('R57: aggregates of two kinds that have one name are two streams', async () => {
  const [key, others] = [name('same'), await newTable(client, 'name')];
  await outcomeOf(
    unit(key, (tx) => {
      publish(tx, key);
      tx.publish(payments, { aggregate: { table: others, key: { name: key } }, type: 'Opened', data: 1 });
    }),
  );
  const found = await envelopes();
  expect(found.map(({ kind, version }) => `${kind} ${version}`).sort()).toEqual(
    [`${accounts.name} 1`, `${others.name} 1`].sort(),
  );
  expect(new Set(found.map(({ id }) => id)).size).toBe(2);
});

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

test('names: composite keys, groups that SQS does not take, and whatever text a name may hold', async () => {
  const pairs = await newTable(client, 'a', 'b');
  const fill = (tx: Transaction) => {
    const type = 'Named';
    tx.publish(payments, {
      aggregate: { table: pairs, key: { a: 'x', b: '#' }, kind: 'a' },
      type,
      data: null,
    });
    tx.publish(payments, {
      aggregate: { table: accounts, key: { name: name('names') }, name: '__proto__/"ü 😀', kind: 'b' },
      type,
      data: 'text',
    });
  };
  expect((await outcomeOf(unit(name('names'), fill))).kind).toBe('processed');
  const rows = await stored();
  expect(rows.map(({ stream }) => String(stream))).toEqual([
    JSON.stringify(['payments', '1', 'a', '["x","#"]']),
    JSON.stringify(['payments', '1', 'b', '__proto__/"ü 😀']),
  ]);
  expect(rows.map((item) => relayed(readRow(marshall(item))).group)).toEqual([
    '["x","#"]',
    expect.stringMatching(/^[0-9a-f]{64}$/),
  ]);
  expect((await envelopes()).map(({ data }) => data)).toEqual([null, 'text']);
});

describe('refused in the handler, before anything is sent', () => {
  const event = (rest: object = {}) => ({
    aggregate: { table: accounts, key: { name: 'a' } },
    type: 'T',
    data: {},
    ...rest,
  });
  test.each<[string, (tx: Transaction) => void, new (...given: never[]) => Error]>([
    ['an empty type', (tx) => tx.publish(payments, event({ type: '' })), InvalidWrite],
    ['an empty group', (tx) => tx.publish(payments, event({ group: '' })), InvalidWrite],
    [
      'a time that is none',
      (tx) => tx.publish(payments, event({ time: new Date(Number.NaN) })),
      InvalidWrite,
    ],
    [
      'data that JSON cannot hold',
      (tx) => tx.publish(payments, event({ data: Number.NaN })),
      UnserialisableValue,
    ],
    ['no data', (tx) => tx.publish(payments, event({ data: undefined })), UnserialisableValue],
    ['data over the limit', (tx) => tx.publish(payments, event({ data: 'x'.repeat(350_000) })), InvalidWrite],
    [
      'a name over the limit',
      (tx) =>
        tx.publish(
          payments,
          event({ aggregate: { table: accounts, key: { name: 'a' }, name: 'x'.repeat(1_025) } }),
        ),
      InvalidWrite,
    ],
    [
      'a kind with a slash',
      (tx) =>
        tx.publish(payments, event({ aggregate: { table: accounts, key: { name: 'a' }, kind: 'a/b' } })),
      InvalidWrite,
    ],
    [
      'names that make no key together',
      (tx) => {
        const long = 'x'.repeat(1_020);
        tx.publish(
          payments,
          event({ aggregate: { table: accounts, key: { name: 'a' }, name: long, kind: long } }),
        );
      },
      InvalidWrite,
    ],
    [
      'an event that some target might not take, unless it is said that all of them do',
      (tx) => tx.publish(payments, event({ data: 'x'.repeat(262_000) })),
      InvalidWrite,
    ],
    [
      'an event that no channel of the outbox takes',
      (tx) => tx.publish(outbox({ ...payments, maxEventBytes: 400 }), event({ data: 'x'.repeat(200) })),
      InvalidWrite,
    ],
    [
      'more than 100 actions',
      (tx) => {
        for (let i = 0; i < 100; i += 1) publish(tx, `a-${i}`);
      },
      TransactionTooLarge,
    ],
  ])('%s', (_, fill, error) => {
    expect(() => fill(new Transaction())).toThrow(error);
  });

  test('but where all targets take more, so does the outbox, and by itself what every target takes', () => {
    const large = outbox({ ...payments, maxEventBytes: eventBytes.sqs });
    expect(() => new Transaction().publish(large, event({ data: 'x'.repeat(340_000) }))).not.toThrow();
    expect(() => new Transaction().publish(payments, event({ data: 'x'.repeat(257_000) }))).not.toThrow();
  });

  test('but 99 events of one aggregate fit, and so they do at the engine', async () => {
    const key = name('most');
    const fill = (tx: Transaction) => {
      for (let i = 0; i < 99; i += 1) publish(tx, key);
    };
    expect((await outcomeOf(unit(key, fill))).kind).toBe('processed');
    expect(await stored()).toHaveLength(99);
  });

  test('events of many messages are packed within the limits', async () => {
    const key = name('limits');
    const units = Array.from({ length: 8 }, (_, i) =>
      unit(`${key}-${i}`, (tx) => {
        for (let n = 0; n < 30; n += 1) publish(tx, key);
      }),
    );
    const outcomes = await store.commit(units, limits());
    expect(units.map((one) => outcomes.get(one)?.kind)).toEqual(units.map(() => 'processed'));
    expect(await stored()).toHaveLength(240);
  });
});

test('an outbox without a table, a source or an epoch does not start', () => {
  expect(() => outbox({ table: '', source: '', epoch: 'a/b' })).toThrow(
    /table of the outbox is empty.*source.*epoch/,
  );
});
