import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Pool } from 'pg';
import * as z from 'zod/mini';
import {
  postgresKafkaConsumer,
  type KafkaConsumer,
  type PostgresTx,
} from '../../runtime/kafka/postgres/index.js';
import type { Identity } from './victims.js';

const schema = z.object({ run: z.string(), id: z.string(), fails: z.optional(z.boolean()) });
type Body = z.infer<typeof schema>;

export interface PostgresHabitat {
  readonly pool: Pool;
  readonly sqs: SQSClient;
  readonly deadLetterQueueUrl: string;
  /** @default an id that stays the same */
  readonly topicId?: string;
}

/** Appends each id to its run: a row without a key shows every double, and in which order they came. */
export function postgresConsumerOf(
  by: Identity,
  { pool, sqs, deadLetterQueueUrl, topicId = 'Zk3x1dYVTkyMmHq6hYb0Ow' }: PostgresHabitat,
): KafkaConsumer {
  const common = {
    settings: { consumerName: `victim-${by}`, deadLetterQueueUrl, maxFailures: 2, reportsItemFailures: true },
    receiptRetentionSeconds: 3600,
    schema,
    pool,
    sqs,
    handle: async ({ body }: { body: Body }, tx: PostgresTx) => {
      await tx.query('INSERT INTO effects (run, id) VALUES ($1, $2)', [body.run, body.id]);
      if (body.fails === true) throw new Error('it fails');
    },
    observe: () => undefined,
  };
  return by === 'key'
    ? postgresKafkaConsumer({ ...common, key: ({ body }) => body.id })
    : postgresKafkaConsumer({ ...common, key: 'position', topicIds: { purchases: topicId } });
}
