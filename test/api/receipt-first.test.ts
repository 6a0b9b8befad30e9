import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import type { Api } from '../../runtime/api/index.js';
import { DependencyFailed } from '../../runtime/dedup/errors.js';
import { ConditionFailed, table } from '../../runtime/dynamodb/index.js';
import { client, names, payments } from './contract-world.js';
import { json, limits, pay, PaymentBody, paymentsApi, request } from './payments.js';
import { once, onEachStore, type More } from './stores.js';

const kindOf = (answer: Parameters<typeof json>[0]) =>
  (json(answer) as { type: string }).type.split(':').at(-1);

const stricter: [string, More][] = [
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

onEachStore(({ api, ask, payments }) => {
  test.each(stricter)('a retry is answered with what was saved, in spite of %s', async (_what, options) => {
    const { account, key, body } = once();
    const first = await ask({ key, body });
    const again = await ask({ key, body }, api(options));
    expect(again).toMatchObject({
      status: 201,
      body: first.body,
      headers: { 'idempotent-replayed': 'true' },
    });
    expect(await payments(account)).toBe(1);
  });

  test.each(stricter.slice(0, 3))(
    'and another request under the key is 422, in spite of %s',
    async (_what, options) => {
      const { account, key, body } = once();
      await ask({ key, body });
      const other = await ask({ key, body: { account, cents: 7 } }, api(options));
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
        api({ schema, handle: () => ({ status: 201, body: { run: runs.push(0) } }) });
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

  test('whether a refused retry was done is not said where the receipt cannot be read', async () => {
    const { key, body } = once();
    await ask({ key, body });
    const refusing = api({ maxBodyBytes: 1 }, { fault: 'reads' });
    const answer = await ask({ key, body }, refusing);
    expect([answer.status, kindOf(answer)]).toEqual([503, 'not-confirmed']);
    const throwing = api(
      {
        handle: () => {
          throw new Error('no');
        },
      },
      { fault: 'reads' },
    );
    const thrown = await ask({ key, body }, throwing);
    expect([thrown.status, kindOf(thrown)]).toEqual([503, 'not-confirmed']);
    expect(thrown.body).not.toContain('nothing was committed');
  });

  test('a commit whose answer is lost is looked up, and answered', async () => {
    const { account, key, body } = once();
    const answer = await ask({ key, body }, api({}, { fault: 'answers' }));
    expect(answer.status).toBe(201);
    expect(await payments(account)).toBe(1);
  });

  test('a commit that may have arrived and has no receipt yet is "not known"', async () => {
    const { key, body } = once();
    const answer = await ask({ key, body }, api({}, { fault: 'writes' }));
    expect([answer.status, kindOf(answer)]).toEqual([503, 'not-confirmed']);
    expect(answer.headers).toMatchObject({ 'x-should-retry': 'true', 'retry-after': '1' });
  });

  test.each<[string, () => Api]>([
    ['a commit that is refused', () => api({}, { fault: 'refused' })],
    [
      'a dependency of the handler that fails',
      () =>
        api({
          handle: () => {
            throw new DependencyFailed('the table did not answer');
          },
        }),
    ],
    ['no time left', () => async (asked) => api()(asked, { deadline: Date.now() - 1 })],
  ])('that nothing was committed is said, and not "not known": %s', async (_what, made) => {
    const { account, key, body } = once();
    const answer = await made()(request({ key, body }), limits());
    expect([answer.status, kindOf(answer)]).toEqual([503, 'not-committed']);
    expect(answer.headers).toMatchObject({ 'x-should-retry': 'true', 'retry-after': '1' });
    expect(await payments(account)).toBeUndefined();
  });

  test.each([false, true])('an observer that throws changes no answer, also later: %s', async (later) => {
    const { account, key, body } = once();
    const failed = new ConditionFailed('t', 'k', undefined);
    const observed = api({
      observe: () => {
        if (later) return Promise.reject(failed) as unknown as undefined;
        throw failed;
      },
    });
    expect((await ask({ key, body }, observed)).status).toBe(201);
    expect(await payments(account)).toBe(1);
  });

  test.each([
    ['empty', ''],
    ['null', null],
    ['a number', 5],
    ['an object', {}],
    ['a promise', Promise.resolve('alice')],
  ])('a caller whose name is %s is nobody', async (_what, name) => {
    const { account, key, body } = once();
    expect((await ask({ key, body }, api({ caller: () => name as string }))).status).toBe(401);
    expect(await payments(account)).toBeUndefined();
  });
});

test('that nothing was committed is said of a condition that does not hold', async () => {
  const { account, key, body } = once();
  const conditional = paymentsApi(names, client, {
    handle: (keyed, tx) => {
      const accounts = table({ name: names.accounts, partitionKey: 'account' });
      tx.update(
        accounts,
        { account: randomUUID() },
        { add: { payments: 1 }, condition: { expression: 'balance > :none', values: { ':none': 5 } } },
      );
      return pay(names, keyed, tx);
    },
  });
  const answer = await conditional(request({ key, body }), limits());
  expect([answer.status, kindOf(answer)]).toEqual([503, 'not-committed']);
  expect(answer.headers).toMatchObject({ 'x-should-retry': 'true', 'retry-after': '1' });
  expect(await payments(account)).toBeUndefined();
});
