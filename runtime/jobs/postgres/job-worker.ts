import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Recognised } from '../../consumer/arrival.js';
import type { Message } from '../../consumer/message.js';
import { InvalidSettings } from '../../dedup/errors.js';
import { assertConsumerName, receiptId } from '../../dedup/identity.js';
import type { PostgresLeases } from '../../lease/postgres-leases.js';
import type { Isolation } from '../../postgres/begin.js';
import type { PostgresPool } from '../../postgres/client.js';
import type { PostgresTx } from '../../postgres/transaction.js';
import { connectionsOf, postgresWay } from '../../postgres/transaction-way.js';
import type { SqsConsumer } from '../../sqs/handler.js';
import { postgresHandlerOf } from '../../sqs/postgres-handler.js';
import type { ConsumerSettings } from '../../sqs/settings.js';
import type { JobEnvelope } from '../envelope.js';
import { jobHandler, type JobHandlerOptions } from '../job-handler.js';
import { PostgresJobStore } from './job-store.js';

export interface PostgresJobWorkerOptions<Schema extends StandardSchemaV1> extends JobHandlerOptions<
  Schema,
  PostgresTx
> {
  /** `postgresConsumerSettings(process.env)`, or by hand: `queueUrl` is needed. */
  readonly settings: ConsumerSettings;
  /** Connections to the database: a `Pool` of `pg`, made once per process, of two or more for each job at a time. */
  readonly pool: PostgresPool;
  /**
   * How long a receipt lives, in seconds: as long as a message of the job can come again, or longer (R8). The same as
   * `retentionSeconds` of whoever enqueues.
   *
   * @default - `settings.receiptRetentionSeconds`
   */
  readonly receiptRetentionSeconds?: number;
  /** As of `postgresConsumer`. @default 'repeatable read' */
  readonly isolation?: Isolation;
  /** Gives `job.once`: `postgresLeases()`. @default - none */
  readonly leases?: PostgresLeases;
}

/**
 * A Lambda handler that does jobs on Postgres, one at a time; `workOff` runs the same on Fargate or anywhere.
 *
 * Guarantees what `jobWorker` does: what `run` writes through its transaction becomes durable at most once per job
 * id, whoever runs it and whatever the clocks say, and a job is done exactly when that is durable. A worker that is
 * killed is followed by another after lease and clock skew. Does not guarantee: anything about effects outside the
 * transaction, unless made with `job.once`; nothing behind a standby that had not received the commit when it took
 * over.
 *
 * The transaction opens with the first statement of `run`: compute first, and write at the end. From then on nothing
 * may pause for more than 15 minutes. Heartbeats, progress and leases are written on connections of their own.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function postgresJobWorker<Schema extends StandardSchemaV1>(
  options: PostgresJobWorkerOptions<Schema>,
): SqsConsumer {
  const { settings, pool, isolation, leases, sqs } = options;
  const { consumerName, queueUrl } = settings;
  assertConsumerName(consumerName);
  const retentionSeconds = options.receiptRetentionSeconds ?? settings.receiptRetentionSeconds;
  const problems = [];
  if (retentionSeconds === undefined) problems.push('receiptRetentionSeconds is not set');
  if (queueUrl === undefined) problems.push('queueUrl is not set: a running job hides its message by it');
  if (connectionsOf(pool) < 2)
    problems.push(`heartbeats need a second connection beside that of the transaction, the pool has 1`);
  if (retentionSeconds === undefined || queueUrl === undefined || problems.length > 0)
    throw new InvalidSettings(problems);
  const store = new PostgresJobStore({ pool, consumerName, retentionSeconds });
  type Body = JobEnvelope<StandardSchemaV1.InferOutput<Schema>>;
  return jobHandler(options, store, queueUrl, ({ handle, key, ...parts }) =>
    postgresHandlerOf(
      { ...parts, settings, pool, sqs },
      (source) => {
        const jobId = key(source);
        return { key: jobId, id: receiptId(consumerName, jobId) };
      },
      postgresWay<Message<Body>, Recognised<Body>>({
        ...{ pool, retentionSeconds, isolation, handle, opens: 'late' },
        onceFor: leases?.({ pool, retentionSeconds, consumerName }),
      }),
    ),
  );
}
