import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  IdempotencyAlreadyInProgressError,
  IdempotencyConfig,
  IdempotencyPersistenceLayerError,
  makeIdempotent,
} from '@aws-lambda-powertools/idempotency';
import { makeHandlerIdempotent } from '@aws-lambda-powertools/idempotency/middleware';
import { GetItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { InvalidSettings } from '../../runtime/dedup/errors.js';
import { LeaseLost, ResultLost } from '../../runtime/lease/index.js';
import {
  LeasePersistenceLayer,
  type LeasePersistenceLayerOptions,
} from '../../runtime/lease/powertools-layer.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';
import { loadMiddy } from './middy.js';

/** Calls that a well-behaved handler does not make. Each counts its effect: one that is made twice counts twice. */

const client = dynamo();
const context = { getRemainingTimeInMillis: () => 5_000, functionName: 'orders' } as Context;
let table: Table;
let middy: Awaited<ReturnType<typeof loadMiddy>>;
let order: { id: string };
let effects: number;

beforeAll(async () => {
  [table, middy] = await Promise.all([newDedupTable(client), loadMiddy()]);
});
afterAll(() => client.destroy());
beforeEach(() => {
  order = { id: randomUUID() };
  effects = 0;
});

function layer(options: Partial<LeasePersistenceLayerOptions> = {}) {
  return new LeasePersistenceLayer({
    client,
    tableName: table.name,
    consumerName: 'orders',
    retentionSeconds: 86_400,
    onUnknown: 'block',
    observe: () => undefined,
    ...options,
  });
}
const config = (more = {}) => new IdempotencyConfig({ eventKeyJmesPath: 'id', ...more });
type Fn<Result> = (order: unknown, context: Context) => Promise<Result>;
function protect<Result>(store: LeasePersistenceLayer, end: () => Result | Promise<Result>, more = {}) {
  const fn: Fn<Result> = async () => {
    effects += 1;
    return end();
  };
  return makeIdempotent(fn, { persistenceStore: store, config: config(more), keyPrefix: 'orders' });
}
const again = () => ({ ...order });
const thrownBy = async (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error as Error,
  );
/** A client in whose calls something happens after the answer, or before the call. */
function between(happens: {
  before?: (command: unknown) => Promise<unknown>;
  after?: () => Promise<unknown>;
}) {
  return new Proxy(client, {
    get: (target, name) =>
      name !== 'send'
        ? (Reflect.get(target, name) as unknown)
        : async (...[command, options]: Parameters<typeof client.send>) => {
            await happens.before?.(command);
            const answer = await target.send(command, options);
            await happens.after?.();
            return answer;
          },
  });
}
/** Nobody waits for anything but the lease itself. */
const short = { leaseSeconds: 1, maxClockSkewSeconds: 0, maxEffectDelaySeconds: 0 };
/** By the clock of one who comes later. */
const later = (seconds: number) => ({ ...short, now: () => Date.now() + seconds * 1000 });

test('Middy does not run a handler again that returned nothing', async () => {
  const handler = () =>
    middy(() => {
      effects += 1;
      return Promise.resolve();
    }).use(makeHandlerIdempotent({ persistenceStore: layer(), config: config(), keyPrefix: 'orders' }));
  await handler()(again(), context);
  await handler()(again(), context);
  expect(effects).toBe(1);
});

test('nor one whose answer is in the memory of its instance', async () => {
  const handler = middy(() => {
    effects += 1;
    return Promise.resolve();
  }).use(
    makeHandlerIdempotent({
      persistenceStore: layer(),
      config: config({ useLocalCache: true }),
      keyPrefix: 'orders',
    }),
  );
  await handler(again(), context);
  await handler(again(), context);
  expect(effects).toBe(1);
});

test('an answer in the memory of its instance is as it was kept, whatever its caller makes of it', async () => {
  const fn = protect(layer(), () => ({ lines: [1] }), { useLocalCache: true });
  (await fn(again(), context)).lines.push(2);
  expect(await fn(again(), context)).toEqual({ lines: [1] });
});

describe('a late owner, whose answer came after its lease, does not begin', () => {
  const onUnknown = { reconcile: () => ({ kind: 'not-done' }) as const };
  /** A client whose first answer comes after the lease. */
  function slow() {
    let calls = 0;
    return between({ after: async () => (calls++ === 0 ? sleep(1_200) : undefined) });
  }

  test('because a successor did', async () => {
    const late = thrownBy(
      protect(layer({ ...short, onUnknown, client: slow() }), () => 'late')(again(), context),
    );
    await sleep(300);
    const successor = protect(layer({ ...later(5), onUnknown }), () => 'successor');
    expect(await successor(again(), context)).toBe('successor');
    expect((await late)?.cause).toBeInstanceOf(LeaseLost);
    expect(effects).toBe(1);
  });

  test('and leaves the key free where there is none', async () => {
    const late = await thrownBy(protect(layer({ ...short, client: slow() }), () => 'late')(again(), context));
    expect(late).toBeInstanceOf(IdempotencyAlreadyInProgressError);
    expect(await protect(layer(), () => 'next')(again(), context)).toBe('next');
    expect(effects).toBe(1);
  });

  test('also where the question took so long', async () => {
    const reset = () => Promise.reject(new Error('reset'));
    await thrownBy(protect(layer({ ...short, onUnknown }), reset)(again(), context));
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const reconcile = async () => {
      asked();
      return sleep(1_200, { kind: 'not-done' } as const);
    };
    const late = thrownBy(
      protect(layer({ ...later(5), onUnknown: { reconcile } }), () => 'late')(again(), context),
    );
    await isAsked;
    const successor = protect(layer({ ...later(10), onUnknown }), () => 'successor');
    expect(await successor(again(), context)).toBe('successor');
    expect((await late)?.cause).toBeInstanceOf(LeaseLost);
    // The one that was reset, and its successor.
    expect(effects).toBe(2);
  });
});

test.each([
  [
    'a getter',
    {
      get receipt(): string {
        throw new Error('closed');
      },
    },
  ],
  [
    'a toJSON',
    {
      toJSON: () => {
        throw new Error('closed');
      },
    },
  ],
])('a result with %s that throws is lost: the effect is not made again', async (_, result) => {
  const onUnknown = { retry: { keyWindowSeconds: 3600 } };
  for (const store of [layer({ ...short, onUnknown }), layer({ ...later(5), onUnknown })])
    expect((await thrownBy(protect(store, () => result)(again(), context)))?.cause).toBeInstanceOf(
      ResultLost,
    );
  expect(effects).toBe(1);
});

test('a result that was lost while a copy looked is not replayed to it', async () => {
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const first = thrownBy(protect(layer(), () => gate.then(() => () => 'a function'))(again(), context));
  while (effects === 0) await sleep(10);
  // The copy has been refused for the first one's lease, and asks for its row when that has completed.
  const copy = between({
    before: async (command) => {
      if (!(command instanceof GetItemCommand)) return;
      letGo();
      await first;
    },
  });
  const refused = await thrownBy(protect(layer({ client: copy }), () => 'copy')(again(), context));
  expect(refused?.cause).toBeInstanceOf(ResultLost);
  expect(effects).toBe(1);
});

describe('two calls with one payload begin at once in one process', () => {
  const onUnknown = { retry: { keyWindowSeconds: 3600 } };

  test('the second does not take over from the first, which is at work', async () => {
    const fn = protect(layer({ ...short, onUnknown, waitMs: 4_000 }), () => sleep(1_500, 'done'));
    const payload = again();
    const [first, second] = await Promise.allSettled([fn(payload, context), fn(payload, context)]);
    expect(first).toEqual({ status: 'fulfilled', value: 'done' });
    expect(second).toMatchObject({ reason: expect.any(IdempotencyAlreadyInProgressError) });
    expect(effects).toBe(1);
  });

  test('both are given the result that is there already', async () => {
    const fn = protect(layer(), () => 'done');
    await fn(again(), context);
    const payload = again();
    expect(await Promise.all([fn(payload, context), fn(payload, context)])).toEqual(['done', 'done']);
    expect(effects).toBe(1);
  });

  test('of two functions neither gets the result of the other', async () => {
    const persistenceStore = layer();
    const named = (keyPrefix: string, ms: number) => {
      const fn: Fn<string> = async () => sleep(ms, keyPrefix);
      return makeIdempotent(fn, { persistenceStore, config: config(), keyPrefix });
    };
    const payload = again();
    const [slow, quick] = await Promise.allSettled([
      named('slow', 200)(payload, context),
      named('quick', 10)(payload, context),
    ]);
    expect(slow).toEqual({ status: 'fulfilled', value: 'slow' });
    expect(quick).toMatchObject({
      reason: { cause: expect.any(InvalidSettings) },
    });
    expect(await named('quick', 10)(again(), context)).toBe('quick');
    expect(await named('slow', 10)(again(), context)).toBe('slow');
  });
});

test.each<[string, Record<string, AttributeValue>]>([
  ['its own names of attributes', { state: { S: 'COMPLETED' }, expiration: { N: '1' } }],
  ['no expiry', { status: { S: 'INPROGRESS' }, in_progress_expiration: { N: '1000' } }],
])('a row of Powertools with %s is refused, and not asked for ever', async (_, attributes) => {
  const hash = createHash('md5').update(JSON.stringify(order.id)).digest('base64');
  const row = { id: { S: `orders#${hash}` }, ...attributes };
  await client.send(new PutItemCommand({ TableName: table.name, Item: row }));
  for (const onUnknown of ['block', { retry: { keyWindowSeconds: 10 * 365 * 86_400 } }] as const) {
    const refused = await thrownBy(protect(layer({ onUnknown }), () => 'done')(again(), context));
    expect(refused).toBeInstanceOf(IdempotencyPersistenceLayerError);
    expect(refused?.cause).toBeInstanceOf(InvalidSettings);
  }
  expect(effects).toBe(0);
});
