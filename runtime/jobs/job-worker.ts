import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { InvalidSettings } from '../dedup/errors.js';
import type { Leases } from '../dynamodb/lease-scope.js';
import type { Transaction } from '../dynamodb/transaction.js';
import type { SqsConsumer } from '../sqs/handler.js';
import type { ConsumerSettings } from '../sqs/settings.js';
import { sqsConsumer } from '../sqs/transaction-consumer.js';
import { DynamoJobStore } from './dynamo-job-store.js';
import { jobHandler, type JobHandlerOptions } from './job-handler.js';

export interface JobWorkerOptions<Schema extends StandardSchemaV1> extends JobHandlerOptions<
  Schema,
  Transaction
> {
  /** What the construct knows: `consumerSettings(process.env)`. */
  readonly settings: ConsumerSettings;
  /** Gives `job.once`: `leases()` of exactly-once-aws/lease. @default - none */
  readonly leases?: Leases;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
}

/**
 * A Lambda handler that does jobs, one at a time; `workOff` runs the same on Fargate or anywhere.
 *
 * Guarantees: what `run` puts into its transaction becomes durable at most once per job id, whoever runs it and
 * whatever the clocks say, and a job is done exactly when that is durable. A worker that is killed is followed by
 * another after lease and clock skew. Does not guarantee: anything about effects outside the transaction, unless made
 * with `job.once`.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function jobWorker<Schema extends StandardSchemaV1>(options: JobWorkerOptions<Schema>): SqsConsumer {
  const { settings, leases, sqs, dynamodb = new DynamoDBClient({}) } = options;
  const { consumerName, dedupTable, receiptRetentionSeconds: retentionSeconds, queueUrl } = settings;
  if (dedupTable === undefined || retentionSeconds === undefined || queueUrl === undefined)
    throw new InvalidSettings([
      'dedupTable, receiptRetentionSeconds and queueUrl are needed by jobs; deploy with the JobQueue construct',
    ]);
  const store = new DynamoJobStore({
    client: dynamodb,
    tableName: dedupTable,
    consumerName,
    retentionSeconds,
  });
  return jobHandler(options, store, queueUrl, (parts) =>
    sqsConsumer({ ...parts, settings, dynamodb, sqs, leases }),
  );
}
