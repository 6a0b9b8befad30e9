import { randomUUID } from 'node:crypto';
import {
  idempotent,
  IdempotencyAlreadyInProgressError,
  IdempotencyConfig,
  IdempotencyPersistenceLayerError,
  IdempotencyValidationError,
  makeIdempotent,
} from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { makeHandlerIdempotent } from '@aws-lambda-powertools/idempotency/middleware';
import { ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { EffectBlocked, LeaseLost, type LeaseEvent } from '../../runtime/lease/index.js';
import {
  LeasePersistenceLayer,
  type LeasePersistenceLayerOptions,
} from '../../runtime/lease/powertools-layer.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';
import { loadMiddy } from './middy.js';

interface Order {
  id: string;
  cents: number;
}

const client = dynamo();
const context = { getRemainingTimeInMillis: () => 5_000, functionName: 'orders' } as Context;
const skew = 60;
let table: Table;
let middy: Awaited<ReturnType<typeof loadMiddy>>;
let order: Order;
/** What was charged: a charge that is made twice is there twice. */
let charges: Order[];
let events: LeaseEvent['kind'][];

beforeAll(async () => {
  [table, middy] = await Promise.all([newDedupTable(client), loadMiddy()]);
});
afterAll(() => client.destroy());
beforeEach(() => {
  order = { id: randomUUID(), cents: 5 };
  charges = [];
  events = [];
});

function layer(given: Partial<LeasePersistenceLayerOptions> & { aheadSeconds?: number } = {}) {
  const { aheadSeconds = 0, ...options } = given;
  return new LeasePersistenceLayer({
    client,
    tableName: table.name,
    consumerName: 'orders',
    retentionSeconds: 86_400,
    onUnknown: 'block',
    observe: ({ kind }) => events.push(kind),
    now: () => Date.now() + aheadSeconds * 1000,
    ...options,
  });
}
const stock = () => new DynamoDBPersistenceLayer({ tableName: table.name, awsSdkV3Client: client });
type Store = LeasePersistenceLayer | DynamoDBPersistenceLayer;
const config = (more = {}) => new IdempotencyConfig({ eventKeyJmesPath: 'id', ...more });

/** The function as its user wrote it. */
function charge(event: Order, end: () => unknown = () => undefined) {
  charges.push({ ...event });
  return Promise.resolve(end()).then(() => ({ receipt: charges.length }));
}
const protect = (
  persistenceStore: Store,
  fn: (event: Order, context: Context) => Promise<unknown> = (e) => charge(e),
) => makeIdempotent(fn, { persistenceStore, config: config(), keyPrefix: 'orders' });
/** The same message as Lambda would hand it over again: another object. */
const again = () => ({ ...order });
const thrownBy = async (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error as Error,
  );
const fails = () => {
  throw new Error('socket hang up');
};
const rows = async () => (await client.send(new ScanCommand({ TableName: table.name }))).Items ?? [];

test('makeIdempotent: the second call gets the result of the first', async () => {
  const fn = protect(layer());
  expect(await fn(again(), context)).toEqual({ receipt: 1 });
  expect(await fn(again(), context)).toEqual({ receipt: 1 });
  expect(charges).toHaveLength(1);
});

test('the decorator: the same', async () => {
  class Shop {
    async handler(...[event]: [Order, Context]) {
      return charge(event);
    }
  }
  // What the compiler makes of `@idempotent(...)` above the method.
  const method = Object.getOwnPropertyDescriptor(Shop.prototype, 'handler')!;
  const decorate = idempotent({ persistenceStore: layer(), config: config(), keyPrefix: 'orders' });
  Object.defineProperty(Shop.prototype, 'handler', decorate(Shop.prototype, 'handler', method));
  const shop = new Shop();
  expect(await shop.handler(again(), context)).toEqual({ receipt: 1 });
  expect(await shop.handler(again(), context)).toEqual({ receipt: 1 });
  expect(charges).toHaveLength(1);
});

const middyHandler = (persistenceStore: Store, end?: () => unknown) =>
  middy((event: Order) => charge(event, end)).use(
    makeHandlerIdempotent({ persistenceStore, config: config(), keyPrefix: 'orders' }),
  );

test('the Middy middleware: the same', async () => {
  const handler = middyHandler(layer());
  expect(await handler(again(), context)).toEqual({ receipt: 1 });
  expect(await handler(again(), context)).toEqual({ receipt: 1 });
  expect(charges).toHaveLength(1);
});

describe.each([
  ['ours', () => layer(), 1],
  // The stock layer is held against it: if it did as well, nothing below would be a proof.
  ['stock', stock, 2],
])('%s layer', (_, make: () => Store, expected) => {
  test(`a function that acts and then throws acts ${expected} time(s) in two calls`, async () => {
    const fn = protect(make(), (event) => charge(event, fails));
    await thrownBy(fn(again(), context));
    await thrownBy(fn(again(), context));
    expect(charges).toHaveLength(expected);
  });

  test(`a copy that Middy refuses while the first runs: ${expected} charge(s) when a third comes`, async () => {
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const first = thrownBy(middyHandler(make(), () => gate)(again(), context));
    while (charges.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const handler = middyHandler(make());
    // Its refusal is an error, and for an error the middleware deletes the row: that of the first.
    expect(await thrownBy(handler(again(), context))).toBeInstanceOf(IdempotencyAlreadyInProgressError);
    await thrownBy(handler(again(), context));
    letGo();
    await first;
    expect(charges).toHaveLength(expected);
  });

  test(`a function that changes its event acts ${expected} time(s) in two calls`, async () => {
    const fn = protect(make(), async (event) => {
      const answer = await charge(event);
      event.id = 'changed';
      return answer;
    });
    await thrownBy(fn(again(), context));
    // The stock layer completed another key, and left this one in progress until the invocation's time is over.
    await backdate('INPROGRESS', 'in_progress_expiration');
    await thrownBy(protect(make())(again(), context));
    expect(charges).toHaveLength(expected);
  });
});

/** Lets time pass for all rows of the status. */
async function backdate(status: string, attribute: string): Promise<void> {
  for (const row of await rows())
    if (row.status?.S === status && row.id !== undefined)
      await client.send(
        new UpdateItemCommand({
          TableName: table.name,
          Key: { id: row.id },
          UpdateExpression: 'SET #attribute = :past',
          ExpressionAttributeNames: { '#attribute': attribute },
          ExpressionAttributeValues: { ':past': { N: '1' } },
        }),
      );
}

test('a throw blocks the key, the user sees the own error, and the next call says what to do', async () => {
  const fn = protect(layer(), (event) => charge(event, fails));
  expect((await thrownBy(fn(again(), context)))?.message).toBe('socket hang up');
  const refused = await thrownBy(fn(again(), context));
  expect(refused).toBeInstanceOf(IdempotencyPersistenceLayerError);
  expect(refused?.cause).toBeInstanceOf(EffectBlocked);
  expect(events).toEqual(['unknown-outcome', 'blocked']);
});

test('unless the function says that nothing happened', async () => {
  const persistenceStore = layer();
  const fn = protect(persistenceStore, (event) => {
    persistenceStore.nothingHappened(event);
    throw new Error('no route to the provider');
  });
  await thrownBy(fn(again(), context));
  expect(await protect(layer())(again(), context)).toEqual({ receipt: 1 });
});

test('retry: the other side gets the same key from every owner', async () => {
  const onUnknown = { retry: { keyWindowSeconds: 3600 } };
  const keys: string[] = [];
  for (const end of [fails, () => undefined]) {
    const persistenceStore = layer({ onUnknown });
    const fn = protect(persistenceStore, (event) => {
      keys.push(persistenceStore.effectCall(event, 'charge').idempotencyKey);
      return charge(event, end);
    });
    await thrownBy(fn(again(), context));
  }
  expect(charges).toHaveLength(2);
  expect(new Set(keys).size).toBe(1);
  expect(events).toEqual(['unknown-outcome', 'takeover']);
});

test('reconcile: what was found becomes the result', async () => {
  const onUnknown = { reconcile: () => ({ kind: 'done', result: { receipt: 77 } }) as const };
  await thrownBy(protect(layer({ onUnknown }), (event) => charge(event, fails))(again(), context));
  expect(await thrownBy(protect(layer({ onUnknown }))(again(), context))).toBeInstanceOf(
    IdempotencyAlreadyInProgressError,
  );
  const late = layer({ onUnknown, aheadSeconds: 5 + skew + 60 + 1 });
  expect(await protect(late)(again(), context)).toEqual({ receipt: 77 });
  expect(charges).toHaveLength(1);
});

describe('a zombie, past its lease and with a successor', () => {
  const onUnknown = { retry: { keyWindowSeconds: 3600 } };

  test.each([
    ['complete', () => undefined],
    ['delete', fails],
  ])('cannot %s', async (_, end) => {
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const zombie = thrownBy(
      protect(layer({ onUnknown }), (event) => charge(event, () => gate.then(end)))(again(), context),
    );
    while (charges.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const successor = layer({ onUnknown, aheadSeconds: 5 + skew + 1 });
    expect(await protect(successor)(again(), context)).toEqual({ receipt: 2 });
    letGo();
    expect((await zombie)?.cause).toBeInstanceOf(LeaseLost);
    expect(await protect(layer())(again(), context)).toEqual({ receipt: 2 });
    expect(events).toContain('zombie-rejected');
  });
});

test('a call that finds another at work may wait for its result', async () => {
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const first = protect(layer(), (event) => charge(event, () => gate))(again(), context);
  while (charges.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  setTimeout(letGo, 150);
  expect(await protect(layer({ waitMs: 5_000 }))(again(), context)).toEqual({ receipt: 1 });
  expect(await first).toEqual({ receipt: 1 });
});

test('a missing key is refused, whatever the config says', async () => {
  const refused = await thrownBy(protect(layer())({ cents: 5 } as Order, context));
  expect(refused).toBeInstanceOf(IdempotencyPersistenceLayerError);
  expect((refused?.cause as Error).name).toBe('IdempotencyKeyError');
  expect(charges).toEqual([]);
});

describe('one table with the stock layer', () => {
  test('a row that it completed counts, also when it says that it has expired', async () => {
    expect(await protect(stock())(again(), context)).toEqual({ receipt: 1 });
    await backdate('COMPLETED', 'expiration');
    expect(await protect(layer())(again(), context)).toEqual({ receipt: 1 });
    expect(charges).toHaveLength(1);
  });

  test('a row that it left in progress never counts: it is waited for, and then the policy decides', async () => {
    void protect(stock(), () => new Promise(() => undefined))(again(), context);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await thrownBy(protect(layer())(again(), context))).toBeInstanceOf(
      IdempotencyAlreadyInProgressError,
    );
    const late = { aheadSeconds: 5 + skew + 1 };
    const refused = await thrownBy(protect(layer(late))(again(), context));
    expect(refused?.cause).toBeInstanceOf(EffectBlocked);
    expect(charges).toEqual([]);
  });

  test('it honours what ours completed, and does not run what ours left unknown', async () => {
    await protect(layer())(again(), context);
    expect(await protect(stock())(again(), context)).toEqual({ receipt: 1 });
    order = { id: randomUUID(), cents: 7 };
    await thrownBy(protect(layer(), (event) => charge(event, fails))(again(), context));
    expect(await thrownBy(protect(stock())(again(), context))).toBeInstanceOf(Error);
    expect(charges).toHaveLength(2);
  });

  test("the horizon's retention is written, not the config's", async () => {
    await protect(layer())(again(), context);
    const mine = (await rows()).find(
      (row) =>
        row.id?.S?.startsWith('orders#') &&
        row.status?.S === 'COMPLETED' &&
        Number(row.expiration?.N) > Date.now() / 1000 + 80_000,
    );
    expect(mine).toBeDefined();
  });
});

test('payload validation works on a completed row and on one whose outcome is unknown', async () => {
  const onUnknown = { retry: { keyWindowSeconds: 3600 } };
  const validated = (end?: () => unknown) =>
    makeIdempotent((...[event]: [Order, Context]) => charge(event, end), {
      persistenceStore: layer({ onUnknown }),
      config: config({ payloadValidationJmesPath: 'cents' }),
      keyPrefix: 'orders',
    });
  await thrownBy(validated(fails)(again(), context));
  const other = { ...order, cents: 6 };
  expect(await thrownBy(validated()(other, context))).toBeInstanceOf(IdempotencyValidationError);
  await validated()(again(), context);
  expect(await thrownBy(validated()(other, context))).toBeInstanceOf(IdempotencyValidationError);
  expect(charges).toHaveLength(2);
});
