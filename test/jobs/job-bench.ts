import { randomUUID } from 'node:crypto';
import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import { table, type Table, type Transaction } from '../../runtime/dynamodb/index.js';
import {
  JobQueueClient,
  jobWorker,
  taskProtection,
  workOff,
  type RunningJob,
} from '../../runtime/jobs/index.js';
import { leases } from '../../runtime/lease/index.js';
import type { SqsConsumer } from '../../runtime/sqs/index.js';
import { newDedupTable, newTable } from '../fixtures/dynamo.js';

/** Names of everything that a job needs, to be handed to another process. */
export interface JobNames {
  readonly dedupTable: string;
  readonly counters: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

export const Payload = z.object({ n: z.number() });
export type Payload = z.infer<typeof Payload>;
export const consumerName = 'reports';
export const maxClockSkewSeconds = 0.2;

export async function newQueue(client: SQSClient): Promise<string> {
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: `q-${randomUUID()}` }));
  return QueueUrl;
}

/** Tables and queues of a test's own. */
export async function newNames(dynamodb: DynamoDBClient, sqs: SQSClient): Promise<JobNames> {
  const [dedup, counters, queueUrl, deadLetterQueueUrl] = await Promise.all([
    newDedupTable(dynamodb),
    newTable(dynamodb, 'name'),
    newQueue(sqs),
    newQueue(sqs),
  ]);
  return { dedupTable: dedup.name, counters: counters.name, queueUrl, deadLetterQueueUrl };
}

export async function waitingIn(client: SQSClient, QueueUrl: string): Promise<number> {
  const names = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }),
  );
  return names.reduce((sum, name) => sum + Number(Attributes?.[name] ?? 0), 0);
}

export function queueClient(
  names: JobNames,
  dynamodb: DynamoDBClient,
  sqs: SQSClient,
  silentAfterSeconds?: number,
): JobQueueClient {
  const { dedupTable, queueUrl } = names;
  const settings = { consumerName, dedupTable, retentionSeconds: 3600, queueUrl };
  return new JobQueueClient({ settings, dynamodb, sqs, silentAfterSeconds });
}

/** Counts a job in a counter without a key: one that is done twice shows. */
export function count(names: JobNames, jobId: string, tx: Transaction): void {
  tx.update(counterTable(names), { name: jobId }, { add: { value: 1 } });
}

export function counterTable({ counters }: JobNames): Table {
  return table({ name: counters, partitionKey: 'name' });
}

export function worker(
  names: JobNames,
  dynamodb: DynamoDBClient,
  sqs: SQSClient,
  run: (job: RunningJob<Payload>, tx: Transaction) => unknown,
  maxFailures = 3,
): SqsConsumer {
  const { dedupTable, queueUrl, deadLetterQueueUrl } = names;
  return jobWorker({
    settings: {
      consumerName,
      dedupTable,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl,
      queueUrl,
      maxFailures,
    },
    schema: Payload,
    run,
    leases: leases({ maxClockSkewSeconds, observe: () => undefined }),
    heartbeatSeconds: 0.5,
    maxClockSkewSeconds,
    dynamodb,
    sqs,
    observe: () => undefined,
  });
}

/** Workers that run until the returned function is called. */
export function start(
  names: JobNames,
  sqs: SQSClient,
  handler: SqsConsumer,
  concurrency = 1,
): () => Promise<void> {
  const stop = new AbortController();
  const queueArn = 'arn:aws:sqs:us-east-1:000000000000:jobs';
  const ended = workOff(handler, {
    sqs,
    queueUrl: names.queueUrl,
    queueArn,
    signal: stop.signal,
    protection: taskProtection({}),
    concurrency,
  });
  return async () => {
    stop.abort();
    await ended;
  };
}
