import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import type { IdempotentApiOptions } from '../../runtime/api/index.js';
import { DependencyFailed } from '../../runtime/dedup/errors.js';
import { ConditionFailed, table } from '../../runtime/dynamodb/index.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { json, limits, pay, PaymentBody, paymentsApi, request } from './payments.js';
import { ask, client, names, once, payments } from './contract-world.js';

type Options = Partial<IdempotentApiOptions<PaymentBody>>;
const kindOf = (answer: Parameters<typeof json>[0]) =>
  (json(answer) as { type: string }).type.split(':').at(-1);

const stricter: [string, Options][] = [
  ['a schema that has become stricter', { schema: z.extend(PaymentBody, { currency: z.string() }) }],
  ['a limit that has become smaller', { maxBodyBytes: 1 }],
  [
    'a schema that throws',
    {
      schema: z.pipe(
        z.any(),
        z.transform((): PaymentBody => {
          throw new Error('a defect of the schema');
        }),
      ),
    },
  ],
  [
    'a handler that throws on what it did',
    {
      handle: () => {
        throw new Error('the account is empty');
      },
    },
  ],
  ['a handler that says "come again"', { handle: () => ({ status: 429 }) }],
  [
    'a handler that answers what HTTP cannot carry',
    { handle: () => ({ status: 200, headers: { a: 'b\r\nc: d' } }) },
  ],
];

test.each(stricter)('a retry is answered with what was saved, in spite of %s', async (_what, options) => {
  const { account, key, body } = once();
  const first = await ask({ key, body });
  const again = await ask({ key, body }, paymentsApi(names, client, options));
  expect(again).toMatchObject({ status: 201, body: first.body, headers: { 'idempotent-replayed': 'true' } });
  expect(await payments(account)).toBe(1);
});

test.each(stricter.slice(0, 3))(
  'and another request under the key is 422, in spite of %s',
  async (_what, options) => {
    const { account, key, body } = once();
    await ask({ key, body });
    const other = await ask({ key, body: { account, cents: 7 } }, paymentsApi(names, client, options));
    expect([other.status, kindOf(other)]).toEqual([422, 'key-reused']);
    expect(await payments(account)).toBe(1);
  },
);

/** A schema says that a body is JSON, and so may what a client calls it; a retry is the same request either way. */
test.each([
  ['taken away', PaymentBody, undefined],
  ['added', undefined, PaymentBody],
])(
  'a retry of JSON that its client calls text is the same one when the schema is %s',
  async (_what, then, now) => {
    const { key, body } = once();
    const runs: unknown[] = [];
    const on = (schema: typeof PaymentBody | undefined) =>
      paymentsApi(names, client, { schema, handle: () => ({ status: 201, body: { run: runs.push(0) } }) });
    const headers = { 'content-type': 'text/plain' };
    const first = await ask({ key, body, headers }, on(then));
    const again = await ask({ key, body, headers }, on(now));
    expect(again).toMatchObject({
      status: 201,
      body: first.body,
      headers: { 'idempotent-replayed': 'true' },
    });
    const other = await ask({ key, body: { ...body, cents: 6 }, headers }, on(now));
    expect([other.status, kindOf(other)]).toEqual([422, 'key-reused']);
  },
);

/** A client of the real engine whose reads or writes get no answer. */
function losing(lost: 'reads' | 'answers of writes' | 'writes'): DynamoDBClient {
  const broken = new DynamoDBClient({ ...embedded().client, maxAttempts: 1 });
  broken.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const isRead = commandName === 'BatchGetItemCommand';
        if ((lost === 'reads') === isRead && lost !== 'answers of writes') throw new Error('connection lost');
        const answer = await next(args);
        if (!isRead && lost === 'answers of writes') throw new Error('connection lost');
        return answer;
      },
    { step: 'initialize' },
  );
  return broken;
}

test('whether a refused retry was done is not said where the receipt cannot be read', async () => {
  const { key, body } = once();
  await ask({ key, body });
  const blind = losing('reads');
  const refusing = paymentsApi(names, blind, { maxBodyBytes: 1 });
  const answer = await ask({ key, body }, refusing);
  expect([answer.status, kindOf(answer)]).toEqual([503, 'not-confirmed']);
  const throwing = paymentsApi(names, blind, {
    handle: () => {
      throw new Error('no');
    },
  });
  const thrown = await ask({ key, body }, throwing);
  expect([thrown.status, kindOf(thrown)]).toEqual([503, 'not-confirmed']);
  expect(thrown.body).not.toContain('nothing was committed');
  blind.destroy();
});

test('a commit whose answer is lost is looked up, and answered', async () => {
  const { account, key, body } = once();
  const deaf = losing('answers of writes');
  const answer = await ask({ key, body }, paymentsApi(names, deaf));
  expect(answer.status).toBe(201);
  expect(await payments(account)).toBe(1);
  deaf.destroy();
});

test('a commit that may have arrived and has no receipt yet is "not known"', async () => {
  const { key, body } = once();
  const mute = losing('writes');
  const answer = await ask({ key, body }, paymentsApi(names, mute));
  expect([answer.status, kindOf(answer)]).toEqual([503, 'not-confirmed']);
  expect(answer.headers).toMatchObject({ 'x-should-retry': 'true', 'retry-after': '1' });
  mute.destroy();
});

test.each<[string, () => ReturnType<typeof paymentsApi>]>([
  ['a table that is not there', () => paymentsApi({ ...names, accounts: 'no-such-table' }, client)],
  [
    'a condition that does not hold',
    () =>
      paymentsApi(names, client, {
        handle: (keyed, tx) => {
          const accounts = table({ name: names.accounts, partitionKey: 'account' });
          tx.update(
            accounts,
            { account: randomUUID() },
            { add: { payments: 1 }, condition: { expression: 'balance > :none', values: { ':none': 5 } } },
          );
          return pay(names, keyed, tx);
        },
      }),
  ],
  [
    'a dependency of the handler that fails',
    () =>
      paymentsApi(names, client, {
        handle: () => {
          throw new DependencyFailed('the table did not answer');
        },
      }),
  ],
  ['no time left', () => async (asked) => paymentsApi(names, client)(asked, { deadline: Date.now() - 1 })],
])('that nothing was committed is said, and not "not known": %s', async (_what, api) => {
  const { account, key, body } = once();
  const answer = await api()(request({ key, body }), limits());
  expect([answer.status, kindOf(answer)]).toEqual([503, 'not-committed']);
  expect(answer.headers).toMatchObject({ 'x-should-retry': 'true', 'retry-after': '1' });
  expect(await payments(account)).toBeUndefined();
});

test('an observer that throws changes no answer', async () => {
  const { account, key, body } = once();
  const observed = paymentsApi(names, client, {
    observe: () => {
      throw new ConditionFailed('t', 'k', undefined);
    },
  });
  expect((await ask({ key, body }, observed)).status).toBe(201);
  expect(await payments(account)).toBe(1);
});

test('a caller whose name is empty is nobody', async () => {
  const { account, key, body } = once();
  expect((await ask({ key, body }, paymentsApi(names, dynamo(), { caller: () => '' }))).status).toBe(401);
  expect(await payments(account)).toBeUndefined();
});
