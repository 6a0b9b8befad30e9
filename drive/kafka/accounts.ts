import { join } from 'node:path';
import {
  CreateTableCommand,
  DynamoDBClient,
  paginateScan,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { startEmbedded } from '../../targets/embedded/index.js';
import { MemoryLog } from '../../targets/event-source/kafka/memory-log.js';
import { toEvent } from '../../targets/event-source/kafka/record.js';
import { DriveError } from '../drive-error.js';
import { draw } from '../input/draw.js';
import { auditAccounts, type Account, type KafkaFigures } from './audit.js';
import { FunctionInstances } from './function-instances.js';
import type { PurchaseMessage } from './messages.js';
import type { KafkaRunOptions } from './options.js';

/** The function did not get through with a batch although nobody killed it. */
export class FunctionStuckError extends DriveError {
  override readonly name = 'FunctionStuckError';
}

const topic = 'debits';
const batchSize = 50;
/** Every so many batches one is handed out again although the function is through with it. */
const copyEvery = 4;
/** A batch takes about so long, so that most deaths are in the middle of one. */
const longestMs = 400;
const tries = 5;

export interface AccountsRun {
  readonly options: KafkaRunOptions;
  /** What Kafka's own consumer has read from the topic. */
  readonly debits: readonly PurchaseMessage[];
  /** Of the bundled function and its host. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly tell: (text: string) => void;
}

export interface AccountsResult {
  readonly kills: number;
  readonly copies: number;
  readonly accounts: readonly Account[];
}

/**
 * Hands the debits to a function in batches, as Lambda's Kafka mapping does: each again until it is through, some
 * once more; kills the function in the middle, and reads the accounts it has booked on.
 */
export async function bookAccounts({
  options,
  debits,
  folder,
  signal,
  tell,
}: AccountsRun): Promise<AccountsResult> {
  const target = await startEmbedded({ log: tell });
  const dynamodb = new DynamoDBClient(target.client);
  const sqs = new SQSClient(target.client);
  const { QueueUrl: deadLetterQueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({ QueueName: 'debits-dead-letters' }),
  );
  await Promise.all([createTable(dynamodb, 'receipts', 'id'), createTable(dynamodb, 'accounts', 'customer')]);
  const instances = new FunctionInstances({
    host: join(folder, 'function-host.js'),
    function: join(folder, 'accounts.js'),
    environment: {
      AWS_ENDPOINT_URL: target.client.endpoint,
      AWS_REGION: target.client.region,
      AWS_ACCESS_KEY_ID: target.client.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: target.client.credentials.secretAccessKey,
      ACCOUNTS_TABLE: 'accounts',
      EXACTLY_ONCE_CONSUMER_NAME: 'accounts',
      EXACTLY_ONCE_DEDUP_TABLE: 'receipts',
      EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600',
      EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl,
      EXACTLY_ONCE_REPORTS_ITEM_FAILURES: 'true',
    },
  });
  const stop = () => instances.stop();
  signal.addEventListener('abort', stop);
  try {
    let kills = 0;
    let copies = 0;
    const events = eventsOf(debits);
    for (const [index, event] of events.entries()) {
      signal.throwIfAborted();
      // The kills are spread over the batches; with fewer batches than kills one dies several times.
      for (const due = Math.ceil(((index + 1) * options.kills) / events.length); kills < due;)
        if ((await instances.invoke(event, draw(options.seed, 'function', kills) * longestMs)) !== 'failed')
          kills += 1;
      for (let attempt = 1; (await instances.invoke(event)) !== 'done'; attempt += 1)
        if (attempt === tries)
          throw new FunctionStuckError(`batch ${index + 1} failed ${tries} times: see above`);
      if (index % copyEvery === 0) {
        await instances.invoke(event);
        copies += 1;
      }
      tell(`${kills} of ${options.kills} functions killed`);
    }
    return { kills, copies, accounts: await readAccounts(dynamodb) };
  } finally {
    stop();
    dynamodb.destroy();
    sqs.destroy();
    await target.stop();
  }
}

/** What an auditor says of them. */
export function accountsFigures(
  purchases: readonly PurchaseMessage[],
  accounts: readonly Account[],
): KafkaFigures {
  return auditAccounts("accounts, booked behind Lambda's mapping", purchases, accounts);
}

function eventsOf(debits: readonly PurchaseMessage[]) {
  const log = new MemoryLog(topic, 1);
  const records = debits.map((debit) =>
    log.put({ key: Buffer.from(debit.customer), value: Buffer.from(JSON.stringify(debit)) }),
  );
  const mapping = { clusterArn: undefined, topic, bootstrapServers: '127.0.0.1:9092' };
  const batches = Math.ceil(records.length / batchSize);
  return Array.from({ length: batches }, (_, batch) =>
    toEvent(mapping, records.slice(batch * batchSize, (batch + 1) * batchSize)),
  );
}

async function createTable(client: DynamoDBClient, name: string, key: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: name,
      KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName: name });
}

async function readAccounts(client: DynamoDBClient): Promise<Account[]> {
  const accounts: Account[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: 'accounts' }))
    accounts.push(...Items.map((item) => unmarshall(item) as Account));
  return accounts;
}
