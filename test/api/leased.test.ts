import type { RequestSummary } from '../../runtime/api/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { EffectNotStarted, LeaseHeld, unlock } from '../../runtime/lease/index.js';
import { ask, Charges, dyingOnce, once, patiently, type Twist } from './charges.js';
import { day, json } from './payments.js';

let charges: Charges;
beforeAll(async () => {
  charges = await Charges.start();
});
afterAll(async () => charges.stop());

test('15: 20 requests at once with one key: one charge, one answer, 19 times 409; and then that answer', async () => {
  const asked = once();
  const summaries: RequestSummary[] = [];
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const slow = charges.api('nothing', {
    summaries,
    change: ({ run }) => ({
      leaseSeconds: 20,
      run: async (...call) => {
        const receipt = await run(...call);
        await gate;
        return receipt;
      },
    }),
  });
  let answered = 0;
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const before = Date.now();
      const answer = await ask(slow, asked);
      const after = Date.now();
      // The winner is kept at work until all others have their answer.
      if ((answered += 1) === 19) letGo();
      return { ...answer, before, after };
    }),
  );
  expect(charges.acts('nothing', asked)).toBe(1);
  const [won, ...more] = answers.filter(({ status }) => status === 201);
  expect(more).toEqual([]);
  const refused = answers.filter(({ status }) => status === 409);
  expect(refused).toHaveLength(19);
  for (const answer of refused) {
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(json(answer)).toMatchObject({ type: 'urn:exactly-once-aws:problem:key-in-use', status: 409 });
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  }
  const errors = summaries.filter(({ outcome }) => outcome === 'refused').map(({ error }) => error);
  expect(errors).toHaveLength(19);
  const [held] = errors;
  if (!(held instanceof LeaseHeld)) throw held;
  for (const { before, after, headers } of refused) {
    const retryAfterMs = Number(headers['retry-after']) * 1000;
    // Not too early, and in whole seconds.
    expect(after + retryAfterMs).toBeGreaterThanOrEqual(held.retryAt);
    expect(before + retryAfterMs).toBeLessThan(held.retryAt + 1000);
  }
  expect(await ask(slow, asked)).toMatchObject({ status: 201, body: won?.body });
  expect(charges.acts('nothing', asked)).toBe(1);
  expect(await charges.payments(asked)).toBe(1);
});

test('17: a request that failed after its effect is made whole by the next one, without a second effect', async () => {
  const asked = once();
  const on = charges.api('nothing', dyingOnce());
  expect((await ask(on, asked)).status).toBe(500);
  expect(await charges.payments(asked)).toBeUndefined();
  const answer = await ask(on, asked);
  expect(json(answer)).toMatchObject({ receipt: `receipt of ${asked.body.account}` });
  expect(answer.headers).not.toHaveProperty('idempotent-replayed');
  expect([charges.acts('nothing', asked), await charges.payments(asked)]).toEqual([1, 1]);
});

test('18: an effect that threw is 503 with Retry-After; the next request calls with the same key and arguments', async () => {
  const asked = once();
  const on = charges.api('keys', { reset: true });
  const answer = await ask(on, asked);
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(await ask(on, asked)).toMatchObject({ status: 201 });
  const calls = charges.provider('keys').calls.filter(({ order }) => order === asked.body.account);
  expect(calls).toHaveLength(2);
  expect(calls[1]).toEqual(calls[0]);
  expect([charges.acts('keys', asked), await charges.payments(asked)]).toEqual([1, 1]);
});

test('18: where the other side is asked first, the next request is 409 until it may be', async () => {
  const asked = once();
  const on = charges.api('look-up', { reset: true });
  expect((await ask(on, asked)).status).toBe(503);
  expect((await ask(on, asked)).status).toBe(409);
  expect(json(await patiently(on, asked))).toMatchObject({ receipt: 'looked up' });
  expect([charges.acts('look-up', asked), await charges.payments(asked)]).toEqual([1, 1]);
});

test('19: a blocked effect is 500 with the command to unlock it, not saved, and goes on when it is unlocked', async () => {
  const asked = once();
  const on = charges.api('nothing', { reset: true });
  const answer = await ask(on, asked);
  expect(answer.status).toBe(500);
  expect(json(answer)).toMatchObject({ type: 'urn:exactly-once-aws:problem:effect-blocked' });
  expect(answer.body).not.toContain(asked.key);
  expect((await ask(on, asked)).status).toBe(500);
  expect([charges.acts('nothing', asked), await charges.payments(asked)]).toEqual([1, undefined]);
  const id = /npx exactly-once-aws unlock '([^']+)' --row/.exec(answer.body.toString())?.[1] ?? '';
  await unlock(
    { client: charges.client, tableName: charges.names.receipts },
    {
      effect: { id },
      outcome: { kind: 'done', result: 'found by ada' },
      reason: 'ada',
      retentionSeconds: day,
    },
  );
  expect(json(await ask(on, asked))).toMatchObject({ receipt: 'found by ada' });
  expect([charges.acts('nothing', asked), await charges.payments(asked)]).toEqual([1, 1]);
});

test.each<[string, () => Error, Twist['change']]>([
  ['EffectNotStarted', () => new EffectNotStarted('no connection'), undefined],
  [
    'an error that isDefinite knows',
    () => new TypeError('declined'),
    () => ({ isDefinite: (error) => error instanceof TypeError }),
  ],
])('20: %s is 500, and the same request may come again at once', async (_, error, more) => {
  const asked = once();
  let failures = 1;
  const on = charges.api('nothing', {
    change: (charge) => ({
      ...more?.(charge),
      run: async (...call) => {
        if (failures-- > 0) throw error();
        return charge.run(...call);
      },
    }),
  });
  expect(json(await ask(on, asked))).toMatchObject({ type: 'urn:exactly-once-aws:problem:handler-failed' });
  expect((await ask(on, asked)).status).toBe(201);
  expect([charges.acts('nothing', asked), await charges.payments(asked)]).toEqual([1, 1]);
});

test('14: an effect may answer a condition that failed after another one, such as a refund', async () => {
  const asked = once();
  const refunds = { ...once(), key: asked.key };
  const accounts = table({ name: charges.names.accounts, partitionKey: 'account' });
  const on = charges.api('nothing', {
    more: {
      handle: async ({ body: { account } }, tx) => {
        await tx.once('charge', effectFor(account));
        tx.update(
          accounts,
          { account },
          { add: { payments: 1 }, condition: { expression: 'attribute_exists(account)' } },
        );
        return { status: 201 };
      },
      onConditionFailed: async (_failed, _request, tx) => {
        await tx.once('refund', effectFor(refunds.body.account));
        return { status: 402, body: { refunded: true } };
      },
    },
  });
  for (let time = 0; time < 2; time += 1)
    expect(await ask(on, asked)).toMatchObject({ status: 402, body: '{"refunded":true}' });
  expect([
    charges.acts('nothing', asked),
    charges.acts('nothing', refunds),
    await charges.payments(asked),
  ]).toEqual([1, 1, undefined]);
});

function effectFor(order: string) {
  return {
    args: order,
    onUnknown: 'block',
    run: async (to: string) => {
      await fetch(`${charges.provider('nothing').url}/acts/${to}`, { method: 'POST' });
    },
  } as const;
}

test('without `leases` the API says what to give', async () => {
  const summaries: RequestSummary[] = [];
  const answer = await ask(charges.api('nothing', { summaries, more: { leases: undefined } }), once());
  expect(answer.status).toBe(500);
  expect(String(summaries[0]?.error)).toContain('give `leases: leases()`');
});
