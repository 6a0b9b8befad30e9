import { randomUUID } from 'node:crypto';
import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { makeIdempotent, IdempotencyConfig } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import type { Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { leaseId } from '../../runtime/dedup/lease-store.js';
import { valueOfText, valueText } from '../../runtime/dedup/value-text.js';
import { UnserialisableValue, type Table } from '../../runtime/dynamodb/index.js';
import {
  EffectRepeated,
  leases,
  listBlocked,
  ResultLost,
  unlock,
  type Effect,
  type Once,
} from '../../runtime/lease/index.js';
import { LeasePersistenceLayer } from '../../runtime/lease/powertools-layer.js';
import { sqsConsumer, type BatchSummary } from '../../runtime/sqs/index.js';
import { dynamo, newDedupTable, rawRow } from '../fixtures/dynamo.js';
import { emptied } from '../fixtures/emptied.js';
import { record } from '../fixtures/queue.js';

const client = dynamo();
let table: Table;
let key: string;
let acts: number;

beforeAll(async () => {
  table = await newDedupTable(client);
});
afterAll(() => client.destroy());
beforeEach(() => {
  key = randomUUID();
  acts = 0;
});

const once: Once = (name, effect) => {
  const scope = { client, tableName: table.name, retentionSeconds: 3600, consumerName: 'mailer' };
  return leases({ observe: () => undefined })(scope)(key, () => 30_000)(name, effect);
};
function mail<Result>(result: () => Result): Effect<unknown, Result> {
  return {
    args: {},
    onUnknown: 'block',
    run: () => {
      acts += 1;
      return result();
    },
  };
}
const rowId = () => leaseId('mailer', 'mail', key);
const place = () => ({ client, tableName: table.name });
async function blocked(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of listBlocked(place(), 'mailer')) ids.push(id);
  return ids;
}

const kept: [string, () => unknown][] = [
  ['nothing', () => undefined],
  ['null, empty text and an empty list', () => ({ a: null, b: '', c: [] })],
  ['a Date', () => ({ at: new Date(1234) })],
  ['bigint beside numbers', () => ({ a: 2n ** 70n, b: 5n, c: 2 ** 60, d: 12345678901234567890 })],
  ['numbers of every kind', () => [0.1 + 0.2, 1e-7, 5e-324, 1e21, -0, Number.NaN, Infinity, -Infinity]],
  ['undefined in a list', () => [1, undefined, 3]],
  ['maps, sets, bytes', () => new Map<unknown, unknown>([[{ a: 1n }, new Set([new Uint8Array([1, 255])])]])],
  ['a lone surrogate', () => ({ text: '\ud800', '\udfff': 1 })],
  ['__proto__', () => JSON.parse('{"id":"x","__proto__":{"admin":true}}') as unknown],
  ['what looks like ours', () => [{ $bigint: '1' }, { $$date: 1 }, { $ref: 'a' }, { $date: 1, b: 2 }]],
  ['nested deep', () => Array.from({ length: 400 }).reduce<unknown>((inner) => [inner], 1)],
];

test.each(kept)('a result of %s comes back as it was', async (_, result) => {
  const first = await once('mail', mail(result));
  const again = await once('mail', mail(result));
  for (const one of [first, again]) {
    expect(one).toStrictEqual(result());
    expect(valueText(one)).toBe(valueText(result()));
  }
  expect(acts).toBe(1);
});

test('arguments are replayed as they were', async () => {
  const args = { cents: 2n ** 70n, at: new Date(5), rough: 2 ** 60 };
  const seen: unknown[] = [];
  await once('mail', { args, onUnknown: 'block', run: (given) => void seen.push(given) });
  expect(seen).toStrictEqual([args]);
});

test('arguments that JSON would empty are refused, and no effect is made of nothing', async () => {
  let acted = 0;
  for (const [, make] of emptied.filter(([what]) => !/Map|Set/.test(what)))
    await expect(
      once('mail', { args: { to: make() }, onUnknown: 'block', run: () => void (acted += 1) }),
    ).rejects.toThrow(UnserialisableValue);
  expect(acted).toBe(0);
});

class Charge {
  readonly id = 'ch_1';
}
const lost: [string, () => unknown][] = [
  ['an instance of a class', () => new Charge()],
  ['a Response', () => new Response('x')],
  ['a function', () => ({ undo: () => undefined })],
  ['a promise within', () => ({ id: Promise.resolve(1) })],
  ['450 KB', () => ({ text: 'x'.repeat(450_000) })],
  [
    'what contains itself',
    () => {
      const list: unknown[] = [];
      list.push(list);
      return list;
    },
  ],
];

test.each(lost)(
  'a result of %s is lost, and said to be: the effect is never made again, and never without a result',
  async (_, result) => {
    await expect(once('mail', mail(result))).rejects.toThrow(ResultLost);
    await expect(once('mail', mail(result))).rejects.toThrow('it has happened, and its result is lost');
    expect(acts).toBe(1);
    expect(await blocked()).toContain(rowId());
  },
);

test('a lost result is found again by a person', async () => {
  await expect(
    once(
      'mail',
      mail(() => new Charge()),
    ),
  ).rejects.toThrow(ResultLost);
  const order = {
    effect: { consumerName: 'mailer', effectName: 'mail', key },
    ...{ reason: 'ada found it', retentionSeconds: 3600 },
  };
  await expect(unlock(place(), { ...order, outcome: { kind: 'not-done' } })).rejects.toThrow('has happened');
  await unlock(place(), { ...order, outcome: { kind: 'done', result: { id: 'ch_1', cents: 2n ** 70n } } });
  expect(
    await once(
      'mail',
      mail(() => new Charge()),
    ),
  ).toStrictEqual({ id: 'ch_1', cents: 2n ** 70n });
  expect(acts).toBe(1);
  expect(await blocked()).not.toContain(rowId());
});

test('a result that the first release has stored is read', async () => {
  await once(
    'mail',
    mail(() => 'x'),
  );
  await client.send(
    new UpdateItemCommand({
      TableName: table.name,
      Key: { id: { S: rowId() } },
      UpdateExpression: 'SET #data = :data REMOVE #result',
      ExpressionAttributeNames: { '#data': 'data', '#result': 'result' },
      ExpressionAttributeValues: { ':data': { M: { id: { S: 'old' } } } },
    }),
  );
  expect(
    await once(
      'mail',
      mail(() => 'x'),
    ),
  ).toEqual({ id: 'old' });
});

test('what no text can say is refused with its place', () => {
  expect(() => valueText({ a: [{ b: Symbol('x') }] })).toThrow(UnserialisableValue);
  expect(() => valueText({ a: [{ b: Symbol('x') }] })).toThrow("'$.a[0].b'");
  expect(valueOfText('{"$bigint":"12"}')).toBe(12n);
  expect(valueText(valueOfText(valueText(new Date(Number.NaN))))).toBe('{"$date":null}');
});

describe('two effects of one name in one run', () => {
  async function handled(names: readonly string[]): Promise<{ acted: string[]; summary: BatchSummary }> {
    const acted: string[] = [];
    const summaries: BatchSummary[] = [];
    const consumer = sqsConsumer({
      settings: {
        ...{ consumerName: 'mailer', dedupTable: table.name, receiptRetentionSeconds: 3600 },
        deadLetterQueueUrl: 'http://127.0.0.1:1/none',
      },
      schema: z.object({}),
      key: () => key,
      leases: leases({ observe: () => undefined }),
      handle: async (_, tx) => {
        for (const name of names)
          await tx.once(name, { args: 0, onUnknown: 'block', run: () => void acted.push(name) });
      },
      ...{ dynamodb: client, observe: (summary: BatchSummary) => summaries.push(summary) },
    });
    await consumer({ Records: [record({ body: {} })] }, { getRemainingTimeInMillis: () => 30_000 });
    const [summary] = summaries;
    if (summary === undefined) throw new Error('no batch');
    return { acted, summary };
  }

  test('are a defect that is told', async () => {
    const { acted, summary } = await handled(['mail', 'mail']);
    expect(acted).toEqual(['mail']);
    expect(summary.processed).toBe(0);
    expect(summary.problems[0]).toMatchObject({ fault: 'defect', error: expect.any(EffectRepeated) });
  });

  test('are two when they are numbered', async () => {
    const { acted, summary } = await handled(['mail-1', 'mail-2']);
    expect(acted).toEqual(['mail-1', 'mail-2']);
    expect(summary.processed).toBe(1);
  });
});

test.each([
  ['a receipt', 'mailer#k', { status: { S: 'COMPLETED' } }],
  ['a job', 'mailer!job#k', { status: { S: 'INPROGRESS' }, fence: { S: 'f' } }],
  ['a job that waits', 'mailer!job#k2', { status: { S: 'QUEUED' }, fence: { S: 'f' } }],
  ['a group', 'mailer!group#k', { status: { S: 'UNKNOWN' } }],
  ['a row of no kind', 'mailer#k3', { status: { S: 'stopped' } }],
  ['a row without a status', 'mailer#k4', { n: { N: '1' } }],
])('%s is not unlocked', async (_, id, attributes) => {
  await client.send(new PutItemCommand({ TableName: table.name, Item: { id: { S: id }, ...attributes } }));
  const before = await rawRow(client, table, { id });
  for (const outcome of [{ kind: 'done', result: 1 }, { kind: 'not-done' }] as const)
    await expect(
      unlock(place(), { effect: { id }, outcome, reason: 'a slip', retentionSeconds: 60 }),
    ).rejects.toThrow('is not unlocked');
  expect(await rawRow(client, table, { id })).toEqual(before);
});

describe('Powertools over the layer', () => {
  const context = { getRemainingTimeInMillis: () => 5_000, functionName: 'orders' } as Context;
  const layer = () =>
    new LeasePersistenceLayer({
      ...{ client, tableName: table.name, consumerName: 'orders', retentionSeconds: 86_400 },
      ...{ onUnknown: 'block', observe: () => undefined },
    });
  const config = () => new IdempotencyConfig({ eventKeyJmesPath: 'id' });
  const protect = (persistenceStore: LeasePersistenceLayer | DynamoDBPersistenceLayer, fn: () => unknown) =>
    makeIdempotent((...given: [{ id: string }, Context]) => Promise.resolve(given).then(fn), {
      ...{ persistenceStore, config: config(), keyPrefix: 'orders' },
    });

  test('a result that cannot be kept is an error, each time, and never undefined', async () => {
    const store = layer();
    const fn = () => {
      acts += 1;
      return { charge: new Charge() };
    };
    for (let i = 0; i < 2; i += 1)
      await expect(protect(store, fn)({ id: key }, context)).rejects.toMatchObject({
        cause: expect.any(ResultLost),
      });
    expect(acts).toBe(1);
  });

  test('numbers come back as they were, and Powertools reads what it can', async () => {
    const result = { a: 0.1 + 0.2, b: 1e21, c: 5e-324, d: 12345678901234567890 };
    await protect(layer(), () => result)({ id: key }, context);
    expect(await protect(layer(), () => 'again')({ id: key }, context)).toEqual(result);
    key = randomUUID();
    await protect(layer(), () => ({ receipt: 5 }))({ id: key }, context);
    const stock = new DynamoDBPersistenceLayer({ tableName: table.name, awsSdkV3Client: client });
    expect(await protect(stock, () => 'again')({ id: key }, context)).toEqual({ receipt: 5 });
  });

  test('a key for a second effect of the same name is refused', async () => {
    const store = layer();
    const event = { id: key };
    const keys = new Set<string>();
    const fn = makeIdempotent(
      async (...[given]: [{ id: string }, Context]) => {
        keys.add(store.effectCall(given, 'mail-1').idempotencyKey);
        keys.add(store.effectCall(given, 'mail-2').idempotencyKey);
        expect(() => store.effectCall(given, 'mail-1')).toThrow(EffectRepeated);
        return Promise.resolve(1);
      },
      { persistenceStore: store, config: config(), keyPrefix: 'orders' },
    );
    await fn(event, context);
    expect(keys.size).toBe(2);
  });
});
