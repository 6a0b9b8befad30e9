import type { SQSRecord } from 'aws-lambda';
import { DeleteItemCommand, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startFaultProxy, type FaultProxy } from '../../drive/faults/fault-proxy.js';
import {
  commitHandlings,
  DynamoStore,
  Handling,
  InvalidSettings,
  Transaction,
  type Table,
} from '../../runtime/dynamodb/index.js';
import { deliver } from '../../runtime/testing/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { orderConsumer, ordersOf, type OrderHandlers } from '../fixtures/order-consumer.js';
import { limits } from '../fixtures/units.js';

const client = dynamo();
let receipts: Table;
let counters: Table;
let store: DynamoStore;
let proxy: FaultProxy;
let faulty: DynamoDBClient;
/** Every n-th answer to a commit is lost; 0: none. */
let loseEvery = 0;
let commits = 0;

beforeAll(async () => {
  [receipts, counters] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
  store = new DynamoStore({ client, tableName: receipts.name, retentionSeconds: 3600 });
  proxy = await startFaultProxy({
    upstream: embedded().endpoint,
    decide: ({ headers }) => {
      if (headers['x-amz-target'] !== 'DynamoDB_20120810.TransactWriteItems' || loseEvery === 0)
        return 'none';
      commits += 1;
      return commits % loseEvery === 0 ? 'answer' : 'none';
    },
  });
  faulty = dynamo({ endpoint: proxy.url, maxAttempts: 1 });
});
afterAll(async () => {
  client.destroy();
  faulty.destroy();
  await proxy.stop();
});

const value = async (name: string) => (await row(client, counters, { name }))?.value;
const set = async (name: string, attributes: Record<string, string>) => {
  const entries = Object.entries(attributes).map(([attribute, S]) => [attribute, { S }]);
  const Item = { name: { S: name }, ...(Object.fromEntries(entries) as Record<string, { S: string }>) };
  await client.send(new PutItemCommand({ TableName: counters.name, Item }));
};
/** Reads a number and writes the next: every stale read shows as a lost count, every double as one too many. */
const next =
  (name: string): OrderHandlers['handle'] =>
  async (_, tx) => {
    const { value: before = 0 } = (await tx.get(counters, { name }, ['value'])) ?? {};
    tx.update(counters, { name }, { set: { value: Number(before) + 1 } });
  };
const handlingOf = (key: string, handle: (tx: Transaction) => unknown) =>
  new Handling(store, { receipt: { id: `tester#${key}`, fingerprint: key }, lane: key, handle });

test('R13: ten messages of one group that each read a counter and set the next make ten, each waiting for the one before', async () => {
  const { handler, summaries } = orderConsumer(client, receipts, { handle: next('chain') });
  await deliver(handler, ordersOf('chain', 10));
  expect(await value('chain')).toBe(10);
  expect(summaries.map(({ processed, retry }) => ({ processed, retry }))).toEqual([
    { processed: 10, retry: 0 },
  ]);
  // Ten commits, none of them refused: that a message of the batch has changed the item is known without asking.
  expect(summaries[0]?.conflicts).toBe(0);
  // Each reads and commits in its turn (R47), and once the instance asks whether a group stands still, and says
  // that it has asked.
  expect(summaries[0]?.calls).toBe(10 + 10 + 2);
});

test('R13: so they do when two consumers race with the same messages, and answers are lost', async () => {
  loseEvery = 3;
  const handlers = { handle: next('race') };
  const [one, other] = [orderConsumer(faulty, receipts, handlers), orderConsumer(faulty, receipts, handlers)];
  const records = ordersOf('race', 10);
  await Promise.all([deliver(one.handler, records), deliver(other.handler, records)]);
  loseEvery = 0;
  expect(await value('race')).toBe(10);
  expect(commits).toBeGreaterThanOrEqual(10);
});

test('R13: of groups that race for one item, none loses what another wrote', async () => {
  const consumers = Array.from({ length: 4 }, () =>
    orderConsumer(client, receipts, { handle: next('shared') }),
  );
  await Promise.all(consumers.map(async ({ handler }, i) => deliver(handler, ordersOf(`lane-${i}`, 5))));
  expect(await value('shared')).toBe(20);
  expect(consumers.some(({ summaries }) => summaries.some(({ conflicts }) => conflicts > 0))).toBe(true);
});

describe('what was read is checked at the commit', () => {
  /** Runs a handler that reads `item` once, and something happens to it before the commit. */
  const decide = async (
    name: string,
    happens: () => Promise<unknown>,
    writes: (tx: Transaction, seen: unknown) => void,
  ) => {
    const seen: unknown[] = [];
    const handling = handlingOf(name, async (tx) => {
      const found = await tx.get(counters, { name }, ['state']);
      seen.push(found?.state);
      writes(tx, found?.state);
    });
    await handling.run(limits());
    await happens();
    const outcome = (await commitHandlings(store, [handling], limits())).get(handling);
    return { kind: outcome?.kind, seen };
  };
  const decideElsewhere = (name: string) => (tx: Transaction, state: unknown) =>
    tx.put(counters, { name: `${name}-decision`, state: state ?? 'none' });
  const decision = async (name: string) => (await row(client, counters, { name: `${name}-decision` }))?.state;

  test('an attribute that has changed', async () => {
    await set('changed', { state: 'open' });
    expect(
      await decide('changed', async () => set('changed', { state: 'shut' }), decideElsewhere('changed')),
    ).toEqual({
      kind: 'processed',
      seen: ['open', 'shut'],
    });
    expect(await decision('changed')).toBe('shut');
  });

  test('an attribute that was not there', async () => {
    await set('added', { other: 'x' });
    await decide('added', async () => set('added', { state: 'shut' }), decideElsewhere('added'));
    expect(await decision('added')).toBe('shut');
  });

  test('an item that was not there, made without the attribute', async () => {
    const seen: unknown[] = [];
    const handling = handlingOf('made', async (tx) => {
      const found = await tx.get(counters, { name: 'made' }, ['state']);
      seen.push(found);
      tx.put(counters, { name: 'made-decision' });
    });
    await handling.run(limits());
    await set('made', { other: 'x' });
    await commitHandlings(store, [handling], limits());
    expect(seen).toEqual([undefined, { name: 'made' }]);
  });

  test('an attribute that has not changed beside one that has: the handler does not run again', async () => {
    await set('beside', { state: 'open', other: 'x' });
    expect(
      await decide(
        'beside',
        async () => set('beside', { state: 'open', other: 'y' }),
        decideElsewhere('beside'),
      ),
    ).toEqual({ kind: 'processed', seen: ['open'] });
  });

  test('also where the transaction has a condition of its own on the item, which is not blamed for it', async () => {
    await set('own', { state: 'open' });
    const writes = (tx: Transaction, state: unknown) => {
      const condition = { expression: '#s = :s', names: { '#s': 'state' }, values: { ':s': state } };
      tx.update(counters, { name: 'own' }, { add: { value: 1 }, condition });
    };
    expect(await decide('own', async () => set('own', { state: 'shut' }), writes)).toEqual({
      kind: 'processed',
      seen: ['open', 'shut'],
    });
    expect(await value('own')).toBe(1);
  });

  test('a condition that fails although nothing has changed is the handler’s, and brings the item', async () => {
    await set('closed', { state: 'shut' });
    const handling = handlingOf('closed', async (tx) => {
      await tx.get(counters, { name: 'closed' }, ['state']);
      const condition = { expression: '#s = :s', names: { '#s': 'state' }, values: { ':s': 'open' } };
      tx.update(counters, { name: 'closed' }, { add: { value: 1 }, condition });
    });
    await handling.run(limits());
    expect((await commitHandlings(store, [handling], limits())).get(handling)).toMatchObject({
      kind: 'retry',
      error: { name: 'ConditionFailed', item: { name: 'closed', state: 'shut' } },
    });
    expect(handling.runs).toBe(1);
  });

  test('a second read of the same attribute that sees another value counts as changed', async () => {
    await set('twice', { state: 'open' });
    const seen: unknown[] = [];
    const handling = handlingOf('twice', async (tx) => {
      const read = async () => (await tx.get(counters, { name: 'twice' }, ['state']))?.state;
      const first = await read();
      if (first === 'open') await set('twice', { state: 'shut' });
      seen.push([first, await read()]);
      tx.put(counters, { name: 'twice-decision', state: first });
    });
    await handling.run(limits());
    await commitHandlings(store, [handling], limits());
    expect(seen).toEqual([
      ['open', 'shut'],
      ['shut', 'shut'],
    ]);
    expect(await decision('twice')).toBe('shut');
  });
});

test('an item that changes all the time: the message comes again, and nothing is written', async () => {
  let n = 0;
  const handling = handlingOf('restless', async (tx) => {
    await tx.get(counters, { name: 'restless' }, ['state']);
    tx.put(counters, { name: 'restless-decision' });
    n += 1;
    await set('restless', { state: String(n) });
  });
  await handling.run(limits());
  expect((await commitHandlings(store, [handling], limits())).get(handling)?.kind).toBe('retry');
  expect(await row(client, counters, { name: 'restless-decision' })).toBeUndefined();
});

/** The same record as a Standard queue gives it. */
function unordered(record: SQSRecord): SQSRecord {
  const { ApproximateReceiveCount, ApproximateFirstReceiveTimestamp, SenderId, SentTimestamp } =
    record.attributes;
  const attributes = { ApproximateReceiveCount, ApproximateFirstReceiveTimestamp, SenderId, SentTimestamp };
  return { ...record, attributes };
}

test('several messages of a batch that only read one item share a transaction', async () => {
  await set('rate', { state: 'high' });
  const { handler, summaries } = orderConsumer(client, receipts, {
    handle: async ({ body }, tx) => {
      const rate = await tx.get(counters, { name: 'rate' }, ['state']);
      tx.put(counters, { name: body.id, rate: rate?.state });
    },
  });
  // Without an order: of a group each would commit in its turn (R47).
  await deliver(handler, ordersOf('readers', 10).map(unordered));
  expect(summaries.map(({ processed, calls }) => ({ processed, calls }))).toEqual([
    { processed: 10, calls: 11 },
  ]);
  expect((await row(client, counters, { name: 'readers-9' }))?.rate).toBe('high');
});

test('all kinds of values are compared, and what was read is frozen', async () => {
  const Item = {
    name: { S: 'kinds' },
    number: { N: '18849496460467696128' },
    set: { SS: ['b', 'a'] },
    list: { L: [{ M: { deep: { BOOL: true } } }] },
    bytes: { B: new Uint8Array([1, 2]) },
    nothing: { NULL: true },
    constructor: { S: 'a name that every object has' },
  };
  await client.send(new PutItemCommand({ TableName: counters.name, Item }));
  let found: Readonly<Record<string, unknown>> | undefined;
  const handling = handlingOf('kinds', async (tx) => {
    found = await tx.get(counters, { name: 'kinds' }, [...Object.keys(Item), 'toString', 'absent']);
    tx.update(counters, { name: 'kinds' }, { set: { done: true } });
  });
  await handling.run(limits());
  expect((await commitHandlings(store, [handling], limits())).get(handling)?.kind).toBe('processed');
  expect(handling.runs).toBe(1);
  expect(found).toMatchObject({ number: 18849496460467696128n, constructor: 'a name that every object has' });
  expect(() => Reflect.apply(Array.prototype.push, found?.list, [1])).toThrow(TypeError);
  expect(Object.isFrozen(found)).toBe(true);
});

test('a copy is a duplicate, also when what its handler reads has changed', async () => {
  const count = () =>
    handlingOf('copy', async (tx) => {
      const before = await tx.get(counters, { name: 'copy' }, ['value']);
      tx.update(counters, { name: 'copy' }, { set: { value: Number(before?.value ?? 0) + 1 } });
    });
  const [first, second] = [count(), count()];
  await Promise.all([first.run(limits()), second.run(limits())]);
  expect((await commitHandlings(store, [first], limits())).get(first)?.kind).toBe('processed');
  expect((await commitHandlings(store, [second], limits())).get(second)?.kind).toBe('duplicate');
  expect([second.runs, await value('copy')]).toEqual([1, 1]);
});

test('a transaction that nobody gave a reader says so', async () => {
  await expect(new Transaction().get(counters, { name: 'x' }, ['value'])).rejects.toThrow(InvalidSettings);
});

test('reads are counted', async () => {
  const given = limits();
  const handling = handlingOf('billed', async (tx) => {
    await tx.get(counters, { name: 'billed' }, ['value']);
  });
  await handling.run(given);
  await commitHandlings(store, [handling], given);
  expect(given.meter.readUnits).toBe(1);
});

describe('a cancelled transaction tells what is wrong with every message, and a lane still stops at its first', () => {
  /** Somebody else holds the receipt of this one. */
  const hold = async (key: string) => {
    const Item = { id: { S: `tester#${key}` }, status: { S: 'INPROGRESS' } };
    await client.send(new PutItemCommand({ TableName: receipts.name, Item }));
  };
  const letGo = async (key: string) =>
    client.send(new DeleteItemCommand({ TableName: receipts.name, Key: { id: { S: `tester#${key}` } } }));
  const member = (
    lane: string,
    key: string,
    handle: (tx: Transaction) => unknown,
    onConditionFailed?: (failed: unknown, tx: Transaction) => unknown,
  ) =>
    new Handling(store, {
      receipt: { id: `tester#${lane}-${key}`, fingerprint: key },
      lane,
      handle,
      onConditionFailed,
    });
  const act = (name: string) => (tx: Transaction) => tx.update(counters, { name }, { add: { value: 1 } });
  const commitAll = async (handlings: readonly Handling[]) => {
    for (const handling of handlings) await handling.run(limits());
    return async () => {
      const outcomes = await commitHandlings(store, handlings, limits());
      return handlings.map((handling) => outcomes.get(handling)?.kind);
    };
  };

  test('one that has read what changed since does not run again past one that failed', async () => {
    await hold('stale-1');
    const reads = async (tx: Transaction) => {
      await tx.get(counters, { name: 'stale-rate' }, ['state']);
      act('stale-2')(tx);
    };
    const handlings = [member('stale', '1', act('stale-1')), member('stale', '2', reads)];
    const commit = await commitAll(handlings);
    await set('stale-rate', { state: 'new' });
    expect(await commit()).toEqual(['retry', undefined]);
    expect([await value('stale-1'), await value('stale-2')]).toEqual([undefined, undefined]);
    await letGo('stale-1');
    expect(await (await commitAll(handlings))()).toEqual(['processed', 'processed']);
    expect([await value('stale-1'), await value('stale-2')]).toEqual([1, 1]);
  });

  test('one whose condition failed does not answer to it past one that failed', async () => {
    await hold('refused-1');
    const conditional = (tx: Transaction) =>
      tx.check(
        counters,
        { name: 'nothing' },
        { expression: 'attribute_exists(#n)', names: { '#n': 'name' } },
      );
    const answer = (_: unknown, tx: Transaction) => act('refused-2')(tx);
    const commit = await commitAll([
      member('refused', '1', act('refused-1')),
      member('refused', '2', conditional, answer),
    ]);
    expect(await commit()).toEqual(['retry', undefined]);
    expect(await value('refused-2')).toBeUndefined();
  });

  test('while the first runs again, a later one that waits for it does not pass one between them that failed', async () => {
    await hold('between-2');
    const reads = async (tx: Transaction) => {
      await tx.get(counters, { name: 'between-rate' }, ['state']);
      act('between-1')(tx);
    };
    const commit = await commitAll([
      member('between', '1', reads),
      member('between', '2', act('between-2')),
      member('between', '3', act('between-3')),
    ]);
    await set('between-rate', { state: 'new' });
    expect(await commit()).toEqual(['processed', 'retry', undefined]);
    expect(await value('between-3')).toBeUndefined();
  });
});
