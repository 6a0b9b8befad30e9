import { marshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import { startFaultProxy, type FaultProxy } from '../../drive/faults/fault-proxy.js';
import type { DynamoStore, Transaction } from '../../runtime/dynamodb/index.js';
import { itemBytes } from '../../runtime/dynamodb/item-size.js';
import { cloudEvent, outbox } from '../../runtime/outbox/index.js';
import { deliver } from '../../runtime/testing/index.js';
import { orderConsumer, ordersOf } from '../fixtures/order-consumer.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { limits, unit } from '../fixtures/units.js';
import {
  client,
  receipts,
  accounts,
  events,
  payments,
  store,
  clients,
  freshStore,
  stored,
  envelopes,
  versions,
  account,
  upTo,
  publish,
  settle,
  outcomeOf,
  event900,
  name,
} from './publishing.js';

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
