import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import * as z from 'zod/mini';
import { EffectBlocked, InvalidSettings, KeyReused, OutcomeUnknown } from '../../runtime/dedup/errors.js';
import type { Effect } from '../../runtime/dedup/effect.js';
import type { Lease, LeaseRow } from '../../runtime/dedup/lease-store.js';
import { postgresConsumer, postgresLeases, PostgresLeaseStore } from '../../runtime/postgres/index.js';
import { unlockIn } from '../../runtime/lease/unlock-in.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';

const postgres = testPostgres();
const queue = sqs();
let pool: Pool;
let deadLetterQueueUrl: string;
beforeAll(async () => {
  ({ pool } = await postgres.pool());
  deadLetterQueueUrl = await newFifoQueue(queue);
});
afterAll(() => queue.destroy());

const store = (now?: () => number) => new PostgresLeaseStore({ pool, retentionSeconds: 3600, now });
const isLease = (answer: Lease | LeaseRow): answer is Lease => !('status' in answer);
const lease = (answer: Lease | LeaseRow): Lease => {
  if (!isLease(answer)) throw new Error(`not claimed: ${answer.status}`);
  return answer;
};
const draft = () => ({ id: `c!once#mail#${randomUUID()}`, durationMs: 1_000, args: '{"to":1}' });

test('of twelve claimants one gets the lease, the others see its row', async () => {
  const wanted = draft();
  const answers = await Promise.all(Array.from({ length: 12 }, async () => store().claim(wanted)));
  expect(answers.filter(isLease)).toHaveLength(1);
  for (const answer of answers) if (!isLease(answer)) expect(answer).toMatchObject({ status: 'INPROGRESS' });
});

test('of twelve who take an ended lease over one gets it, and its former owner is refused', async () => {
  const first = lease(await store().claim(draft()));
  const row = await store().read(first.id);
  if (row === undefined) throw new Error('no row');
  const over = { row, inDoubt: true };
  const takers = await Promise.all(
    Array.from({ length: 12 }, async () =>
      store().claim({ ...draft(), id: first.id, args: '"other"' }, over),
    ),
  );
  const [taken, ...more] = takers.filter(isLease);
  expect(more).toEqual([]);
  // The call that may have acted already, not the one that is asked for now.
  expect(taken).toMatchObject({ inDoubt: true, args: '{"to":1}' });
  for (const said of [
    store().complete(first, 1),
    store().free(first),
    store().unknown(first, 'zombie'),
    store().completeWithout(first, 'c', 'zombie'),
  ])
    expect(await said).toBe(false);
  expect(await store().renew(first, 1_000)).toBeUndefined();
  expect(await store().complete(lease(taken ?? row), { big: 2n ** 70n, when: new Date(5) })).toBe(true);
  expect(await store().read(first.id)).toMatchObject({
    status: 'COMPLETED',
    result: { big: 2n ** 70n, when: new Date(5) },
  });
  // Said again, because the answer was lost.
  expect(await store().complete(lease(taken ?? row), 2)).toBe(true);
});

test('one that was prolonged is not taken over by who saw it before', async () => {
  const first = lease(await store().claim(draft()));
  const row = await store().read(first.id);
  const renewed = await store().renew(first, 60_000);
  expect(renewed?.endsAt).toBeGreaterThan(first.endsAt);
  if (row === undefined) throw new Error('no row');
  expect(isLease(await store().claim({ ...draft(), id: first.id }, { row, inDoubt: true }))).toBe(false);
  expect(await store().block(row, 'c', 'late')).toBe(false);
});

const Body = z.object({ id: z.string(), sum: z.number() });

describe('tx.once', () => {
  const consumer = (effect: (sum: number) => Effect<unknown, unknown>, ran?: () => void) => {
    const errors: unknown[] = [];
    const it = postgresConsumer({
      settings: { consumerName: 'mailer', deadLetterQueueUrl, maxFailures: 100 },
      sqs: queue,
      receiptRetentionSeconds: 3600,
      schema: Body,
      pool,
      key: ({ body }) => body.id,
      leases: postgresLeases({ observe: () => undefined, maxClockSkewSeconds: 0 }),
      handle: async ({ body }, tx) => {
        await tx.query('SELECT 1');
        const made = await tx.once('mail', effect(body.sum));
        ran?.();
        return made;
      },
      observe: ({ problems }) => errors.push(...problems.map(({ error }) => error)),
    });
    const run = async (body: z.infer<typeof Body>) => {
      errors.length = 0;
      const answer = await it(
        { Records: [record({ body, group: body.id, receiveCount: 2 })] },
        { getRemainingTimeInMillis: () => 20_000 },
      );
      return { back: answer.batchItemFailures.length, error: errors[0] };
    };
    return run;
  };

  test('makes an effect once, though its handler fails behind it and runs again', async () => {
    let calls = 0;
    let fails = true;
    const run = consumer(
      (sum) => ({ args: { sum }, run: () => ({ made: (calls += 1) }), onUnknown: 'block' }),
      () => {
        if (fails) throw new Error('behind the effect');
      },
    );
    const body = { id: randomUUID(), sum: 1 };
    expect((await run(body)).back).toBe(1);
    fails = false;
    expect((await run(body)).back).toBe(0);
    expect((await run(body)).back).toBe(0);
    expect(calls).toBe(1);
  });

  test('blocks an effect whose outcome is unknown, until a person has looked', async () => {
    let calls = 0;
    const run = consumer(() => ({
      args: null,
      run: () => {
        calls += 1;
        throw new Error('timed out');
      },
      onUnknown: 'block',
    }));
    const body = { id: randomUUID(), sum: 1 };
    expect(await run(body)).toEqual({ back: 0, error: expect.any(EffectBlocked) });
    const letters = await drain(queue, deadLetterQueueUrl);
    expect(letters).toHaveLength(1);
    // Its reason says what is to be done, by the command of this store.
    expect(JSON.stringify(letters)).toContain('unlock it with `npx exactly-once-aws postgres unlock`');
    expect(calls).toBe(1);
    const id = `mailer!once#mail#${body.id}`;
    const { rows } = await pool.query('SELECT attention FROM exactly_once.leases WHERE id = $1', [id]);
    expect(rows).toEqual([{ attention: 'mailer' }]);
    const order = {
      effect: { id },
      outcome: { kind: 'done', result: 7 } as const,
      reason: 'seen in the log',
    };
    await unlockIn(store(), 'exactly_once.leases', order);
    // Redriven, as another message of the same key.
    expect(await run(body)).toEqual({ back: 0, error: undefined });
    expect(calls).toBe(1);
  });

  test('makes it again with the same key, where the other side knows that', async () => {
    const keys: string[] = [];
    const run = consumer(() => ({
      args: null,
      run: (_, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        if (keys.length === 1) throw new Error('timed out');
        return 'made';
      },
      onUnknown: { retry: { keyWindowSeconds: 3600 } },
    }));
    const body = { id: randomUUID(), sum: 1 };
    // Not in the same delivery: that is for its visibility to time.
    expect(await run(body)).toEqual({ back: 1, error: expect.any(OutcomeUnknown) });
    expect((await run(body)).back).toBe(0);
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  test('refuses the effect of another payload under the same key', async () => {
    const run = consumer(
      (sum) => ({ args: { sum }, run: () => sum, onUnknown: 'block' }),
      () => {
        throw new Error('no receipt');
      },
    );
    const id = randomUUID();
    await run({ id, sum: 1 });
    const { error } = await run({ id, sum: 2 });
    expect(error).toBeInstanceOf(KeyReused);
  });
});

test('a pool that has one connection for transaction and lease is refused at start', async () => {
  const { pool: narrow } = await postgres.pool({ max: 1 });
  const make = () =>
    postgresConsumer({
      settings: { consumerName: 'mailer', deadLetterQueueUrl: 'none' },
      receiptRetentionSeconds: 3600,
      schema: Body,
      pool: narrow,
      key: ({ body }) => body.id,
      leases: postgresLeases(),
      handle: () => undefined,
    });
  expect(make).toThrow(InvalidSettings);
});
