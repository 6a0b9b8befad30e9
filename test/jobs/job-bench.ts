import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { Pool } from 'pg';
import * as z from 'zod/mini';
import { table, type Table, type Transaction } from '../../runtime/dynamodb/index.js';
import { DynamoJobStore } from '../../runtime/jobs/dynamo-job-store.js';
import type { JobClient } from '../../runtime/jobs/job-client.js';
import type { JobRows } from '../../runtime/jobs/job-store.js';
import {
  JobQueueClient,
  jobWorker,
  listSilentJobs,
  taskProtection,
  workOff,
  type RunningJob,
  type SilentJobsOptions,
  type StuckJob,
} from '../../runtime/jobs/index.js';
import {
  listPostgresSilentJobs,
  postgresJobWorker,
  PostgresJobQueueClient,
  postgresLeases,
  type PostgresTx,
} from '../../runtime/jobs/postgres/index.js';
import { PostgresJobStore } from '../../runtime/jobs/postgres/job-store.js';
import { leases } from '../../runtime/lease/index.js';
import type { SqsConsumer } from '../../runtime/sqs/index.js';
import { newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import type { TestPostgres } from '../fixtures/postgres.js';

/** Names of everything that a job needs, to be handed to another process. */
export interface JobNames {
  readonly dedupTable: string;
  readonly counters: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  /** Of the database that has jobs, receipts and effects. Undefined: they are in the tables. */
  readonly postgres?: string;
}

/** Stores that jobs work with. */
export const stores = ['DynamoDB', 'Postgres'] as const;
export type Tx = Transaction | PostgresTx;

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

/** The same of a test on Postgres: an empty database is the store. */
export async function newNamesOn(
  store: (typeof stores)[number],
  postgres: TestPostgres,
  dynamodb: DynamoDBClient,
  sqs: SQSClient,
): Promise<JobNames> {
  if (store === 'DynamoDB') return newNames(dynamodb, sqs);
  const [{ pool, url }, queueUrl, deadLetterQueueUrl] = await Promise.all([
    postgres.pool(),
    newQueue(sqs),
    newQueue(sqs),
  ]);
  await pool.query('CREATE TABLE counters (name text PRIMARY KEY, value int NOT NULL)');
  pools.set(url, pool);
  return { dedupTable: '', counters: '', queueUrl, deadLetterQueueUrl, postgres: url };
}

const pools = new Map<string, Pool>();
/** One per process and database. */
export function poolOf(url: string): Pool {
  const pool = pools.get(url) ?? new Pool({ connectionString: url, max: 10 });
  pools.set(url, pool);
  return pool;
}

const retentionSeconds = 3600;

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
): JobClient {
  const { dedupTable, queueUrl, postgres } = names;
  const settings = { consumerName, retentionSeconds, queueUrl };
  if (postgres !== undefined)
    return new PostgresJobQueueClient({ settings, pool: poolOf(postgres), sqs, silentAfterSeconds });
  return new JobQueueClient({ settings: { ...settings, dedupTable }, dynamodb, sqs, silentAfterSeconds });
}

export function rowsOf({ dedupTable: tableName, postgres }: JobNames, client: DynamoDBClient): JobRows {
  if (postgres === undefined)
    return new DynamoJobStore({ client, tableName, consumerName, retentionSeconds });
  return new PostgresJobStore({ pool: poolOf(postgres), consumerName, retentionSeconds });
}

export async function silentJobs(
  { dedupTable: tableName, postgres }: JobNames,
  client: DynamoDBClient,
  options?: SilentJobsOptions,
): Promise<StuckJob[]> {
  const listed =
    postgres === undefined
      ? listSilentJobs({ client, tableName }, consumerName, options)
      : listPostgresSilentJobs(poolOf(postgres), consumerName, options);
  const jobs: StuckJob[] = [];
  for await (const job of listed) jobs.push(job);
  return jobs;
}

/** Counts a job in a counter without a key: one that is done twice shows. */
export async function count(names: JobNames, jobId: string, tx: Tx): Promise<void> {
  if ('query' in tx)
    await tx.query(
      'INSERT INTO counters AS c VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = c.value + 1',
      [jobId],
    );
  else tx.update(counterTable(names), { name: jobId }, { add: { value: 1 } });
}

/** How often a job has acted; undefined: never. */
export async function acted(names: JobNames, client: DynamoDBClient, jobId: string): Promise<unknown> {
  if (names.postgres === undefined) return (await row(client, counterTable(names), { name: jobId }))?.value;
  const { rows } = await poolOf(names.postgres).query<{ value: number }>(
    'SELECT value FROM counters WHERE name = $1',
    [jobId],
  );
  return rows[0]?.value;
}

export function counterTable({ counters }: JobNames): Table {
  return table({ name: counters, partitionKey: 'name' });
}

export interface WorkerOptions<Schema> {
  readonly schema?: Schema;
  readonly maxFailures?: number;
  readonly heartbeatSeconds?: number;
}

export function worker<Schema extends StandardSchemaV1 = typeof Payload>(
  names: JobNames,
  dynamodb: DynamoDBClient,
  sqs: SQSClient,
  run: (job: RunningJob<StandardSchemaV1.InferOutput<Schema>>, tx: Tx) => unknown,
  {
    schema = Payload as unknown as Schema,
    maxFailures = 3,
    heartbeatSeconds = 0.5,
  }: WorkerOptions<Schema> = {},
): SqsConsumer {
  const { dedupTable, queueUrl, deadLetterQueueUrl, postgres } = names;
  const settings = {
    ...{ consumerName, deadLetterQueueUrl, queueUrl, maxFailures },
    receiptRetentionSeconds: retentionSeconds,
  };
  const options = {
    ...{ schema, run, heartbeatSeconds, maxClockSkewSeconds, sqs },
    observe: () => undefined,
  };
  const leaseOptions = { maxClockSkewSeconds, observe: () => undefined };
  if (postgres !== undefined)
    return postgresJobWorker({
      ...{ ...options, settings, pool: poolOf(postgres) },
      leases: postgresLeases(leaseOptions),
    });
  return jobWorker({
    ...{ ...options, settings: { ...settings, dedupTable }, dynamodb },
    leases: leases(leaseOptions),
  });
}

/** Its receives wait here and not in the queue, and only a little: a stop waits as long as they do. */
function polling(sqs: SQSClient): SQSClient {
  const send: typeof sqs.send = async (...args: unknown[]) => {
    const answer = await (sqs.send as (...all: unknown[]) => Promise<{ Messages?: unknown[] }>).apply(
      sqs,
      args,
    );
    if (args[0] instanceof ReceiveMessageCommand && !answer.Messages?.length) await sleep(50);
    return answer as never;
  };
  return Object.create(sqs, { send: { value: send } }) as SQSClient;
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
    sqs: polling(sqs),
    queueUrl: names.queueUrl,
    queueArn,
    signal: stop.signal,
    protection: taskProtection({}),
    waitTimeSeconds: 0,
    concurrency,
  });
  return async () => {
    stop.abort();
    await ended;
  };
}
