import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SQSRecord } from 'aws-lambda';
import type { Pool } from 'pg';
import * as z from 'zod/mini';
import { DependencyFailed } from '../../runtime/dedup/errors.js';
import { fromPg, postgresConsumer, receive, type PostgresTx } from '../../runtime/postgres/index.js';
import { packageRoot } from '../../targets/package-root.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';
import { OptimisticPool } from './optimistic-pool.js';

// Tries wait for each other, longer and longer.
jest.setTimeout(120_000);

const postgres = testPostgres();
const queue = sqs();
let pool: Pool;
let deadLetterQueueUrl: string;
beforeAll(async () => {
  deadLetterQueueUrl = await newFifoQueue(queue);
});
afterAll(() => queue.destroy());

const Body = z.object({ id: z.string(), counter: z.string() });
const adding =
  'INSERT INTO counters AS c VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = c.value + 1 RETURNING value';
const counts = async () =>
  (await pool.query<{ name: string; value: number }>('SELECT * FROM counters ORDER BY name')).rows;

/** The same in every run. */
function drawFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a consumer over a server that refuses optimistically', () => {
  beforeEach(async () => {
    ({ pool } = await postgres.pool({ max: 8 }));
    await pool.query('CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)');
  });

  type Handle = (tx: PostgresTx, counter: string) => unknown;
  const add: Handle = async (tx, counter) => (await tx.query(adding, [counter])).rows[0]?.['value'];

  /** A failure that counts is a dead letter at once. */
  const consumerOver = (over: OptimisticPool, handle: Handle = add) =>
    postgresConsumer({
      settings: { consumerName: 'ledger', deadLetterQueueUrl, maxFailures: 1 },
      receiptRetentionSeconds: 3600,
      schema: Body,
      pool: over,
      sqs: queue,
      key: ({ body }) => body.id,
      handle: ({ body }, tx) => handle(tx, body.counter),
      observe: () => undefined,
    });

  /** Delivers until everything is done. @returns how often it took */
  async function deliver(it: ReturnType<typeof consumerOver>, records: SQSRecord[], most = 50) {
    let left = records;
    for (let times = 1; times <= most; times += 1) {
      const end = Date.now() + 20_000;
      const context = { getRemainingTimeInMillis: () => end - Date.now() };
      // Of a batch that throws, everything comes again: nothing has begun.
      const answer = await it({ Records: left }, context).catch((error: unknown) => {
        if (error instanceof DependencyFailed) return undefined;
        throw error;
      });
      const back = new Set(
        answer?.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier) ??
          left.map(({ messageId }) => messageId),
      );
      left = left
        .filter(({ messageId }) => back.has(messageId))
        .map((one) => ({
          ...one,
          attributes: { ...one.attributes, ApproximateReceiveCount: String(times + 1) },
        }));
      if (left.length === 0) return times;
    }
    throw new Error(`${left.length} messages are not done after ${most} deliveries`);
  }

  const messages = (of: number) =>
    Array.from({ length: of }, (_, index) => {
      const body = { id: randomUUID(), counter: `c${index}` };
      return record({ body, group: `g${index % 4}` });
    });
  const failures = async () =>
    (
      await pool.query<{ failed: string }>(
        'SELECT coalesce(sum(failed), 0) AS failed FROM exactly_once.histories',
      )
    ).rows[0]?.failed;
  const once = (of: number) => Array.from({ length: of }, (_, index) => ({ name: `c${index}`, value: 1 }));

  test('a third of all statements of every kind refused: each message acts once, and none has failed', async () => {
    const random = drawFrom(11);
    const over = new OptimisticPool(pool, () => random() < 1 / 3);
    const records = messages(10);
    await deliver(consumerOver(over), records);
    // Copies are known as such, whatever is refused.
    await deliver(consumerOver(over), records);
    expect(await counts()).toEqual(once(10));
    expect(await failures()).toBe('0');
    expect(await drain(queue, deadLetterQueueUrl)).toEqual([]);
    expect([...over.refused.keys()]).toEqual(
      expect.arrayContaining([
        ...['SELECT migrations', 'BEGIN and receipt', 'INSERT counters', 'UPDATE receipts', 'COMMIT'],
        ...['SELECT receipts', 'SELECT histories'],
      ]),
    );
  });

  test.each(['BEGIN and receipt', 'UPDATE receipts', 'COMMIT'])(
    'more refusals in a row of %s than one delivery has tries: the message comes again, and has not failed',
    async (kind) => {
      let left = 11;
      const over = new OptimisticPool(pool, (one) => one === kind && (left -= 1) >= 0);
      expect(await deliver(consumerOver(over), messages(1))).toBe(2);
      expect(await counts()).toEqual(once(1));
      expect(await failures()).toBe('0');
      expect(await drain(queue, deadLetterQueueUrl)).toEqual([]);
    },
  );

  test('a handler that makes nothing of a refusal acts once all the same', async () => {
    let left = 3;
    const over = new OptimisticPool(pool, (kind) => kind === 'INSERT counters' && (left -= 1) >= 0);
    const it = consumerOver(over, async (tx, counter) => {
      await tx.query(adding, [counter]).catch(() => undefined);
    });
    expect(await deliver(it, messages(1))).toBe(1);
    expect(await counts()).toEqual(once(1));
    expect(await failures()).toBe('0');
  });
});

describe('`receive` over a server that refuses optimistically, with the one table that docs/postgres.md makes there', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'postgres.md'), 'utf8');
  const [, script = ''] = /## Aurora DSQL\n[^]*?```sql\n([^]*?)```/.exec(page) ?? [];
  const statements = script
    .split(';')
    .map((text) => text.trim())
    .filter((text) => text !== '');

  beforeEach(async () => {
    ({ pool } = await postgres.pool({ max: 8, isEmpty: true }));
    await pool.query('CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)');
    // Each is a transaction of its own, as DSQL wants it.
    for (const statement of statements) await pool.query(statement);
  });

  /** What the page says: a transaction of one's own, as often as it is refused. */
  async function settled(over: OptimisticPool, key: string): Promise<{ kind: string; tries: number }> {
    const identity = { consumerName: 'ledger', key, payload: { key }, retentionSeconds: 3600 };
    for (let tries = 1; ; tries += 1) {
      const client = await over.connect();
      try {
        await client.query('BEGIN');
        const { kind } = await receive(fromPg(client), identity);
        if (kind === 'first') await client.query(adding, [key]);
        await client.query('COMMIT');
        return { kind, tries };
      } catch (error) {
        await client.query('ROLLBACK');
        if ((error as { code?: string }).code !== '40001') throw error;
      } finally {
        client.release();
      }
    }
  }

  test('is told of each refusal as the server words it; the first that commits acts, and copies are duplicates', async () => {
    expect(statements).toHaveLength(2);
    const random = drawFrom(5);
    const over = new OptimisticPool(pool, () => random() < 0.4);
    const runs = [];
    for (let index = 0; index < 10; index += 1)
      runs.push([await settled(over, `k${index}`), await settled(over, `k${index}`)]);
    for (const [first, copy] of runs) expect([first?.kind, copy?.kind]).toEqual(['first', 'duplicate']);
    expect((await counts()).map(({ value }) => value)).toEqual(Array.from({ length: 10 }, () => 1));
    expect(runs.flat().reduce((sum, { tries }) => sum + tries, 0)).toBeGreaterThan(30);
    expect([...over.refused.keys()].sort()).toEqual(
      ['BEGIN', 'COMMIT', 'INSERT counters', 'INSERT receipts', 'SELECT receipts'].sort(),
    );
  });
});
