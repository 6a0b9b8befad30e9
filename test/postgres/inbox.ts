import type { Pool } from 'pg';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import { crashPoint } from '../../runtime/dedup/crash-points.js';
import { postgresConsumer } from '../../runtime/postgres/index.js';
import { peerInbox } from './peer-inbox.js';

export const contenders = ['ours', 'inbox', 'pg-transactional-outbox'] as const;
export type Contender = (typeof contenders)[number];

const Body = z.object({ id: z.string(), counter: z.string() });
const adding =
  'INSERT INTO counters AS c VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = c.value + 1';

/** Handles a batch. What acts twice shows: an increment without a key. */
export type Handle = (records: readonly SQSRecord[]) => Promise<void>;

export function contenderOf(contender: Contender, pool: Pool): Handle {
  if (contender === 'pg-transactional-outbox') return peerInbox(pool, adding);
  return contender === 'ours' ? ours(pool) : hasProcessedMarkProcessed(pool);
}

/** @throws Error when a message comes again: then nothing of the batch is acknowledged. */
function ours(pool: Pool): Handle {
  const consumer = postgresConsumer({
    settings: { consumerName: 'victim', deadLetterQueueUrl: 'none', maxFailures: 100 },
    receiptRetentionSeconds: 3600,
    schema: Body,
    pool,
    key: ({ body }) => body.id,
    handle: async ({ body }, tx) => {
      await tx.query(adding, [body.counter]);
    },
    observe: () => undefined,
  });
  return async (records) => {
    const { batchItemFailures } = await consumer(
      { Records: [...records] },
      { getRemainingTimeInMillis: () => 20_000 },
    );
    if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} come again`);
  };
}

/**
 * The inbox that is in many guides: look whether the message was processed, handle it, mark it as processed. Each
 * step is committed by itself, as where the handler has a transaction of its own that it does not share.
 */
function hasProcessedMarkProcessed(pool: Pool): Handle {
  return async (records) => {
    await crashPoint('batch-received');
    for (const { body } of records) {
      const { id, counter } = JSON.parse(body) as z.infer<typeof Body>;
      const { rows } = await pool.query('SELECT 1 FROM inbox WHERE id = $1', [id]);
      await crashPoint('receipts-recalled');
      if (rows.length > 0) continue;
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(adding, [counter]);
      await crashPoint('before-commit');
      await client.query('COMMIT');
      client.release();
      await crashPoint('after-commit');
      await pool.query('INSERT INTO inbox VALUES ($1)', [id]);
    }
    await crashPoint('before-answer');
  };
}
