import { randomUUID } from 'node:crypto';
import { ScanCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
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
import { cloudEvent, outbox, type CloudEvent, type Outbox } from '../../runtime/outbox/index.js';
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
  (await stored()).map(({ event }) => JSON.parse(String(event)) as CloudEvent<unknown>);
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
const name = (what: string) => `${what}-${randomUUID().slice(0, 8)}`;

test('contract: the row of an event, and the event in it', async () => {
  const key = name('row');
  const time = new Date('2026-11-01T12:00:00.000Z');
  await outcomeOf(
    unit(key, (tx) =>
      tx.publish(payments, {
        aggregate: { table: accounts, key: { name: key } },
        type: 'PaymentSettled',
        data: { cents: 7 },
        group: 'customer-1',
        time,
      }),
    ),
  );
  const [found] = await stored();
  expect(found).toEqual({
    stream: JSON.stringify(['payments', '1', key]),
    version: '0'.repeat(39) + '1',
    type: 'PaymentSettled',
    group: 'customer-1',
    unsent: expect.stringMatching(/^(0\d|1[0-5])$/),
    at: expect.any(Number),
    v: 1,
    event: expect.any(String),
  });
  const committed = new Date(found?.at as number).toISOString();
  expect(JSON.parse(String(found?.event))).toEqual({
    specversion: '1.0',
    id: `1/${key}/1`,
    source: 'payments',
    type: 'PaymentSettled',
    subject: key,
    time: time.toISOString(),
    datacontenttype: 'application/json',
    epoch: '1',
    aggregate: key,
    version: '1',
    firstenqueue: committed,
    data: { cents: 7 },
  });
  const schema = cloudEvent(z.object({ cents: z.int() }));
  expect(schema['~standard'].validate(JSON.parse(String(found?.event)))).toMatchObject({
    value: { data: { cents: 7 }, version: '1' },
  });
});

test('R29: a warm instance publishes in one call; a cold one reads first; one that is behind is refused once', async () => {
  const key = name('cost');
  const other = freshStore();
  const calls = async (id: string, by: DynamoStore) => {
    const { kind, meter } = await outcomeOf(unit(id, settle(key)), by);
    return [kind, meter.calls, meter.readUnits, meter.conflicts];
  };
  expect(await calls(`${key}-1`, store)).toEqual(['processed', 2, 0.5, 0]);
  expect(await calls(`${key}-2`, store)).toEqual(['processed', 1, 0, 0]);
  expect(await calls(`${key}-3`, other)).toEqual(['processed', 2, 0.5, 0]);
  expect(await calls(`${key}-4`, store)).toEqual(['processed', 2, 0, 1]);
  expect(await versions()).toEqual(upTo(key, 4));
  expect(await account(key)).toMatchObject({ count: 4, version: 4 });
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
  expect(given.meter.calls).toBe(2);
  expect(await versions()).toEqual(upTo(key, 6));
  expect((await envelopes()).map(({ data }) => data)).toEqual([{}, { i: 1 }, {}, { i: 2 }, {}, { i: 3 }]);
  expect(await account(key)).toMatchObject({ count: 3, version: 6 });
});

test.each<[string, (tx: Transaction, key: string) => void, object]>([
  ['no write', () => undefined, {}],
  ['an increment', (tx, key) => tx.update(accounts, { name: key }, { add: { count: 1 } }), { count: 1 }],
  ['a put', (tx, key) => tx.put(accounts, { name: key, state: 'new' }), { state: 'new' }],
  ['an insert', (tx, key) => tx.insert(accounts, { name: key, state: 'new' }), { state: 'new' }],
  [
    'a check',
    (tx, key) => tx.check(accounts, { name: key }, { expression: 'attribute_not_exists(closed)' }),
    {},
  ],
])('the aggregate’s version rises with %s of its own', async (_, write, rest) => {
  const key = name('own');
  const fill = (tx: Transaction) => {
    publish(tx, key);
    write(tx, key);
  };
  expect((await outcomeOf(unit(key, fill))).kind).toBe('processed');
  expect(await account(key)).toEqual({ name: key, version: 1, ...rest });
});

test('a version read by the handler is the one to go on from, and is checked', async () => {
  const key = name('read');
  await outcomeOf(unit(`${key}-1`, settle(key)));
  const cold = freshStore();
  const tx = cold.transaction(limits());
  expect(await tx.get(accounts, { name: key }, ['version'])).toEqual({ name: key, version: 1 });
  publish(tx, key);
  const { receipt, lane } = unit(`${key}-2`, () => undefined);
  const { writes, publications } = tx;
  expect(await outcomeOf({ receipt, lane, writes, publications }, cold)).toMatchObject({
    kind: 'processed',
    meter: { calls: 1 },
  });
  expect(await versions()).toEqual(upTo(key, 2));
});

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
  expect(refused).toMatchObject({
    kind: 'retry',
    error: { name: 'ConditionFailed', item: { count: 2, version: 2 } },
  });
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
  expect(await account(key)).toMatchObject({ count: 24, version: 24 });
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
    expect(await account(key)).toMatchObject({ count: 3, version: 3 });
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

test('an aggregate that was deleted does not overwrite its events: it fails and says what to do', async () => {
  const key = name('deleted');
  await outcomeOf(unit(`${key}-1`, settle(key)));
  const remove = (tx: Transaction) => tx.delete(accounts, { name: key });
  await outcomeOf(unit(`${key}-2`, remove));
  const [again, healthy] = [unit(`${key}-3`, settle(key)), unit(`${key}-4`, settle(`${key}-healthy`))];
  const outcomes = await freshStore().commit([again, healthy], limits());
  expect(outcomes.get(again)).toMatchObject({
    kind: 'retry',
    error: { name: 'WriteRefused', message: expect.stringContaining('publish under a new epoch') },
  });
  expect(outcomes.get(healthy)?.kind).toBe('processed');
  const renewed = outbox({ table: events.name, source: 'payments', epoch: '2' });
  const fill = (tx: Transaction) =>
    tx.publish(renewed, { aggregate: { table: accounts, key: { name: key } }, type: 'Settled', data: 1 });
  expect((await outcomeOf(unit(`${key}-5`, fill), freshStore())).kind).toBe('processed');
});

test('a version that somebody else has written as text: nothing is published, and the message comes again', async () => {
  const key = name('text');
  await outcomeOf(unit(`${key}-1`, (tx) => tx.put(accounts, { name: key, version: 'three' })));
  expect(await outcomeOf(unit(`${key}-2`, settle(key)))).toMatchObject({
    kind: 'retry',
    error: { name: 'CommitFailed', message: expect.stringContaining('must be a whole number') },
  });
});

test('names: composite keys, groups that SQS does not take, and whatever text a name may hold', async () => {
  const pairs = await newTable(client, 'a', 'b');
  const fill = (tx: Transaction) => {
    const type = 'Named';
    tx.publish(payments, { aggregate: { table: pairs, key: { a: 'x', b: '#' } }, type, data: null });
    tx.publish(payments, {
      aggregate: { table: accounts, key: { name: name('names') }, name: '__proto__/"ü 😀' },
      type,
      data: 'text',
    });
  };
  expect((await outcomeOf(unit(name('names'), fill))).kind).toBe('processed');
  const rows = await stored();
  expect(rows.map(({ stream }) => String(stream))).toEqual([
    JSON.stringify(['payments', '1', '["x","#"]']),
    JSON.stringify(['payments', '1', '__proto__/"ü 😀']),
  ]);
  expect(rows.map(({ group }) => String(group))).toEqual([
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
  const write = (attribute: string) => (tx: Transaction) => {
    publish(tx, 'a');
    tx.update(accounts, { name: 'a' }, { set: { [attribute]: 1 } });
  };
  test.each<[string, (tx: Transaction) => void, new (...given: never[]) => Error]>([
    ['an empty type', (tx) => tx.publish(payments, event({ type: '' })), InvalidWrite],
    ['an empty group', (tx) => tx.publish(payments, event({ group: '' })), InvalidWrite],
    [
      'a time that is none',
      (tx) => tx.publish(payments, event({ time: new Date(Number.NaN) })),
      InvalidWrite,
    ],
    ['data that JSON cannot hold', (tx) => tx.publish(payments, event({ data: Number.NaN })), UnserialisableValue],
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
    ['a write of the version', write('version'), InvalidWrite],
    [
      'a put with a version',
      (tx) => {
        tx.put(accounts, { name: 'a', version: 1 });
        publish(tx, 'a');
      },
      InvalidWrite,
    ],
    [
      'a delete of the aggregate',
      (tx) => {
        publish(tx, 'a');
        tx.delete(accounts, { name: 'a' });
      },
      InvalidWrite,
    ],
    [
      'two outboxes for one aggregate',
      (tx) => {
        publish(tx, 'a');
        tx.publish(outbox({ table: events.name, source: 'other', epoch: '1' }), event());
      },
      InvalidWrite,
    ],
    [
      'more than 100 actions',
      (tx) => {
        for (let i = 0; i < 50; i += 1) publish(tx, `a-${i}`);
      },
      TransactionTooLarge,
    ],
  ])('%s', (_, fill, error) => {
    expect(() => fill(new Transaction())).toThrow(error);
  });

  test('but 98 events of one aggregate fit, and so they do at the engine', async () => {
    const key = name('most');
    const fill = (tx: Transaction) => {
      for (let i = 0; i < 98; i += 1) publish(tx, key);
    };
    expect((await outcomeOf(unit(key, fill))).kind).toBe('processed');
    expect(await stored()).toHaveLength(98);
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
