import { randomUUID } from 'node:crypto';
import type { Api, RequestSummary } from '../../runtime/api/index.js';
import {
  postgresIdempotentApi,
  postgresLeases,
  type PostgresIdempotentApiOptions,
} from '../../runtime/api/postgres/index.js';
import { EffectNotStarted } from '../../runtime/lease/index.js';
import { PostgresLeaseStore } from '../../runtime/postgres/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { startProvider, type Provider, type ProviderKind } from '../lease/provider.js';
import { effectOf, times } from '../lease/worker-orders.js';
import { ask, dyingOnce, patiently, type Twist } from './charges.js';
import { accountsTable, payInPostgres } from './pay-in-postgres.js';
import { day, json, PaymentBody } from './payments.js';
import { once } from './stores.js';

const postgres = testPostgres();
const providers = new Map<ProviderKind, Provider>();
let pool: Awaited<ReturnType<typeof postgres.pool>>['pool'];
beforeAll(async () => {
  ({ pool } = await postgres.pool({ max: 4 }));
  await pool.query(accountsTable);
  for (const kind of ['keys', 'look-up', 'nothing'] as const) providers.set(kind, await startProvider(kind));
});
afterAll(async () => {
  for (const provider of providers.values()) await provider.close();
});

type Asked = ReturnType<typeof once>;
type Options = Partial<PostgresIdempotentApiOptions<PaymentBody>>;

/** Charges at a provider under a lease, then pays, in one commit with the answer. */
function chargesApi(
  kind: ProviderKind,
  { change, after, reset = false }: Pick<Twist, 'change' | 'after'> & { readonly reset?: boolean } = {},
  more: Options = {},
  summaries: RequestSummary[] = [],
): Api {
  const { maxClockSkewSeconds } = times;
  return postgresIdempotentApi<PaymentBody>({
    settings: { apiName: 'payments', windowSeconds: day },
    pool,
    schema: PaymentBody,
    handle: async (keyed, tx) => {
      const url = providers.get(kind)?.url ?? '';
      const charge = effectOf({ order: keyed.body.account, kind, url, reset }, randomUUID());
      const receipt = await tx.once('charge', { ...charge, ...change?.(charge) });
      after?.();
      return { ...(await payInPostgres(keyed, tx)), body: { receipt, run: randomUUID() } };
    },
    leases: postgresLeases({ maxClockSkewSeconds, observe: () => undefined }),
    observe: (summary) => summaries.push(summary),
    ...more,
  });
}

/** How often the provider has acted, and the commits have counted by no key. */
async function effects(kind: ProviderKind, { account }: Asked): Promise<[number, unknown]> {
  const acts = providers.get(kind)?.acts.filter((order) => order === account).length ?? 0;
  const { rows } = await pool.query('SELECT payments FROM accounts WHERE account = $1', [account]);
  return [acts, (rows[0] as { payments: number } | undefined)?.payments];
}

test('20 requests at once with one key wait for the one that makes the effect: one charge, one answer', async () => {
  const asked = once();
  const on = chargesApi('nothing');
  const answers = await Promise.all(Array.from({ length: 20 }, async () => ask(on, asked)));
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.toString()}`)).size).toBe(1);
  expect(answers[0]?.status).toBe(201);
  expect(await effects('nothing', asked)).toEqual([1, 1]);
});

test('requests with keys of their own, more than the pool has connections, do not wait for each other’s leases for ever', async () => {
  const all = Array.from({ length: 12 }, once);
  const on = chargesApi('nothing');
  const answers = await Promise.all(all.map(async (asked) => ask(on, asked)));
  expect(answers.map(({ status }) => status)).toEqual(all.map(() => 201));
  for (const asked of all) expect(await effects('nothing', asked)).toEqual([1, 1]);
});

test('17: a request that failed after its effect is made whole by the next one, without a second effect', async () => {
  const asked = once();
  const on = chargesApi('nothing', dyingOnce());
  expect((await ask(on, asked)).status).toBe(500);
  expect(await effects('nothing', asked)).toEqual([1, undefined]);
  const answer = await ask(on, asked);
  expect(json(answer)).toMatchObject({ receipt: `receipt of ${asked.account}` });
  expect(answer.headers).not.toHaveProperty('idempotent-replayed');
  expect((await ask(on, asked)).body).toBe(answer.body);
  expect(await effects('nothing', asked)).toEqual([1, 1]);
});

test('18: an effect that threw is 503 with Retry-After; the next request calls with the same key and arguments', async () => {
  const asked = once();
  const on = chargesApi('keys', { reset: true });
  const answer = await ask(on, asked);
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(json(answer)).toMatchObject({ type: 'urn:exactly-once-aws:problem:not-confirmed' });
  expect(await ask(on, asked)).toMatchObject({ status: 201 });
  const calls = providers.get('keys')?.calls.filter(({ order }) => order === asked.account) ?? [];
  expect(calls).toHaveLength(2);
  expect(calls[1]).toEqual(calls[0]);
  expect(await effects('keys', asked)).toEqual([1, 1]);
});

test('15, 18: where the other side is asked first, the next request is 409 until it may be', async () => {
  const asked = once();
  const on = chargesApi('look-up', { reset: true });
  expect((await ask(on, asked)).status).toBe(503);
  expect(await ask(on, asked)).toMatchObject({ status: 409, headers: { 'x-should-retry': 'true' } });
  expect(json(await patiently(on, asked))).toMatchObject({ receipt: 'looked up' });
  expect(await effects('look-up', asked)).toEqual([1, 1]);
});

test('19: a blocked effect is 500 and says how it is unlocked, not saved, and goes on when it is', async () => {
  const asked = once();
  const on = chargesApi('nothing', { reset: true });
  const answer = await ask(on, asked);
  expect(json(answer)).toMatchObject({ type: 'urn:exactly-once-aws:problem:effect-blocked' });
  expect(answer.body).not.toContain(asked.key);
  expect((await ask(on, asked)).status).toBe(500);
  expect(await effects('nothing', asked)).toEqual([1, undefined]);
  const id = /postgres unlock '([^']+)' --row/.exec(answer.body.toString())?.[1] ?? '';
  const leases = new PostgresLeaseStore({ pool, retentionSeconds: day });
  const row = await leases.read(id);
  if (row === undefined) throw new Error('no lease');
  expect(await leases.unlock(row, { kind: 'done', result: 'found by ada' }, 'ada')).toBe(true);
  expect(json(await ask(on, asked))).toMatchObject({ receipt: 'found by ada' });
  expect(await effects('nothing', asked)).toEqual([1, 1]);
});

test('20: EffectNotStarted is 500, and the same request may come again at once', async () => {
  const asked = once();
  let failures = 1;
  const on = chargesApi('nothing', {
    change: (charge) => ({
      run: async (...call) => {
        if (failures-- > 0) throw new EffectNotStarted('no connection');
        return charge.run(...call);
      },
    }),
  });
  expect(json(await ask(on, asked))).toMatchObject({ type: 'urn:exactly-once-aws:problem:handler-failed' });
  expect((await ask(on, asked)).status).toBe(201);
  expect(await effects('nothing', asked)).toEqual([1, 1]);
});

test('6: another request under the key of one that made its effect is 422 and does nothing', async () => {
  const asked = once();
  const on = chargesApi('nothing', dyingOnce());
  const other = { ...once(), key: asked.key };
  expect((await ask(on, asked)).status).toBe(500);
  expect((await patiently(on, other)).status).toBe(422);
  expect((await patiently(on, asked)).status).toBe(201);
  expect((await ask(on, other)).status).toBe(422);
  expect(await effects('nothing', asked)).toEqual([1, 1]);
  expect(await effects('nothing', other)).toEqual([0, undefined]);
});

test('21: after the window the answer is forgotten, the effect is not', async () => {
  const asked = once();
  const on = chargesApi('nothing', {}, { settings: { apiName: 'brief', windowSeconds: day } });
  const first = await ask(on, asked);
  await pool.query(
    "UPDATE exactly_once.receipts SET expires_at = now() - interval '1 second' WHERE id LIKE 'brief%'",
  );
  const later = await ask(on, asked);
  expect(later.status).toBe(201);
  expect(later.body).not.toBe(first.body);
  expect(await effects('nothing', asked)).toEqual([1, 2]);
  const { rows } = await pool.query(
    "SELECT expires_at > now() + interval '29 days' AS kept FROM exactly_once.leases WHERE id LIKE 'brief%'",
  );
  expect(rows).toEqual([{ kept: true }]);
});

test('without `leases` the API says what to give', async () => {
  const summaries: RequestSummary[] = [];
  const answer = await ask(chargesApi('nothing', {}, { leases: undefined }, summaries), once());
  expect(answer.status).toBe(500);
  expect(String(summaries[0]?.error)).toContain('give `leases: postgresLeases()`');
});
