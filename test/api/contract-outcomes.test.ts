import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { ApiResponse } from '../../runtime/api/index.js';
import { table, type Transaction } from '../../runtime/dynamodb/index.js';
import { dynamo } from '../fixtures/dynamo.js';
import { type pay, paymentsApi, type Shape } from './payments.js';
import { ask, client, names, payments } from './contract-world.js';
import { once, onEachStore } from './stores.js';

onEachStore(({ api, answering, ask, payments, store }) => {
  test('10: a 4xx of the handler is an outcome: committed, and replayed though it would not be the answer now', async () => {
    const { account, key, body } = once();
    let declines = 0;
    const declining = api({
      handle: (keyed, tx) =>
        (declines += 1) === 1 ? { status: 402, body: { declined: true } } : store().pay(keyed, tx),
    });
    const first = await ask({ key, body }, declining);
    const again = await ask({ key, body }, declining);
    expect([first.status, again.status]).toEqual([402, 402]);
    expect(again.headers).toHaveProperty('idempotent-replayed');
    expect(await payments(account)).toBeUndefined();
  });

  test('11: a 5xx of the handler is committed and saved with stripe-v1 only', async () => {
    const failing = (serverErrors: 'stripe-v1' | 'stripe-v2') => {
      let failures = 0;
      return answering(() => ({ status: (failures += 1) === 1 ? 502 : 201 }), { serverErrors });
    };
    for (const [option, statuses, count] of [
      ['stripe-v1', [502, 502], 1],
      ['stripe-v2', [502, 201], 1],
    ] as const) {
      const { account, key, body } = once();
      const on = failing(option);
      expect([(await ask({ key, body }, on)).status, (await ask({ key, body }, on)).status]).toEqual(
        statuses,
      );
      expect(await payments(account)).toBe(count);
    }
  });

  test('12: a throw is 500, nothing is committed or saved; and who was processed before gets that answer', async () => {
    const { account, key, body } = once();
    let runs = 0;
    const moody = answering(() => {
      runs += 1;
      if (runs !== 2) throw new Error('not today');
      return { status: 201, body: 'done' };
    });
    const first = await ask({ key, body }, moody);
    expect(first.status).toBe(500);
    expect(first.body).not.toContain('not today');
    expect(await payments(account)).toBeUndefined();
    expect((await ask({ key, body }, moody)).status).toBe(201);
    expect(await ask({ key, body }, moody)).toMatchObject({ status: 201, body: 'done' });
    expect(runs).toBe(store().runsForReplays ? 3 : 2);
    expect(await payments(account)).toBe(1);
  });

  test('12: also when it throws only on what it reads the second time, because its first reading was overtaken', async () => {
    const { account, key, body } = once();
    const others = api();
    let runs = 0;
    const reading = api({
      handle: async (keyed, tx) => {
        const seen = await store().sees(account, tx);
        runs += 1;
        if (seen) return { status: 500, body: 'overtaken' };
        await ask({ body: { account, cents: 1 } }, others);
        return store().pay(keyed, tx);
      },
    });
    expect(await ask({ key, body }, reading)).toMatchObject({ status: 500, body: 'overtaken' });
    expect(runs).toBe(2);
    expect(await payments(account)).toBe(1);
  });

  test('13: a commit that fails is 503 with Retry-After, and the same key may come again', async () => {
    const { key, body } = once();
    const answer = await ask({ key, body }, api({}, { fault: 'refused' }));
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect((await ask({ key, body })).status).toBe(201);
  });

  test('16: GET, HEAD and OPTIONS need no key; without `read` they are 405', async () => {
    expect(await ask({ method: 'GET', key: '' })).toMatchObject({
      status: 405,
      headers: { allow: 'POST, PUT, PATCH, DELETE' },
    });
    const reading = api({
      read: ({ path }) => ({ status: 200, body: { path } }),
    });
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      expect(await ask({ method, key: '', caller: '' }, reading)).toMatchObject({
        status: 200,
        body: '{"path":"/payments"}',
      });
    const broken = api({
      read: () => {
        throw new Error('no');
      },
    });
    expect((await ask({ method: 'GET' }, broken)).status).toBe(500);
  });
});

test('14: a condition of the handler that fails is 503, or what onConditionFailed answers, which is saved', async () => {
  const onlyOnce = (keyed: Parameters<typeof pay>[1], tx: Transaction): ApiResponse => {
    const accounts = table({ name: names.accounts, partitionKey: 'account' });
    tx.insert(accounts, { account: keyed.body.account });
    return { status: 201 };
  };
  const { account, key, body } = once();
  await ask({ body: { account, cents: 1 } });
  expect((await ask({ key, body }, paymentsApi(names, client, { handle: onlyOnce }))).status).toBe(503);
  const telling = paymentsApi(names, client, {
    handle: onlyOnce,
    onConditionFailed: ({ item }) => ({ status: 409, body: { payments: item?.payments } }),
  });
  const told = await ask({ key, body }, telling);
  expect(told).toMatchObject({ status: 409, body: '{"payments":1}' });
  expect((await ask({ key, body }, telling)).headers).toHaveProperty('idempotent-replayed');
});

test('15: a row that says "in progress" is 409 with Retry-After, and does not acknowledge', async () => {
  const { account, key, body } = once();
  // The receipt of this request, whose id only the API knows, as the Powertools layer or a leased effect would leave
  // it.
  const id = await idOf({ key, body });
  await client.send(
    new PutItemCommand({
      TableName: names.receipts,
      Item: { id: { S: id }, status: { S: 'INPROGRESS' }, expiration: { N: '9999999999' } },
    }),
  );
  expect(await ask({ key, body })).toMatchObject({ status: 409, headers: { 'retry-after': '1' } });
  expect(await payments(account)).toBeUndefined();
});

/** The receipt id of a request, found by letting another table take it. */
async function idOf(shape: Shape): Promise<string> {
  let id = '';
  const spy = dynamo();
  spy.middlewareStack.add(
    () => (args) => {
      const { TransactItems } = args.input as { TransactItems: { Put?: { Item: { id: { S: string } } } }[] };
      id = TransactItems[0]?.Put?.Item.id.S ?? '';
      throw new Error('seen');
    },
    { step: 'initialize' },
  );
  await ask(shape, paymentsApi(names, spy));
  spy.destroy();
  return id;
}
