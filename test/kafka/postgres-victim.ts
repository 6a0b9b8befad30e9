import { SQSClient } from '@aws-sdk/client-sqs';
import { Pool } from 'pg';
import { armCrashPoints } from '../../runtime/dedup/crash-points.js';
import { postgresConsumerOf } from './postgres-victims.js';
import type { Order } from './victim.js';

export interface PostgresOrder extends Omit<Order, 'names'> {
  /** Connection string. */
  readonly url: string;
  readonly deadLetterQueueUrl: string;
}

/** A process that handles one batch and is killed at the given point. Nothing is rolled back by it. */
const { by, url, deadLetterQueueUrl, client, event, dieAt } = JSON.parse(
  process.argv[2] ?? '',
) as PostgresOrder;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
const habitat = {
  pool: new Pool({ connectionString: url }),
  sqs: new SQSClient(client),
  deadLetterQueueUrl,
};
void postgresConsumerOf(by, habitat)(event, { getRemainingTimeInMillis: () => 30_000 }).then(() =>
  process.exit(0),
);
