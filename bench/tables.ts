import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  GetItemCommand,
  waitUntilTableExists,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';

/** Names of one side's tables. */
export interface Tables {
  /** Partition key `id`: receipts of ours, idempotency records of the peer. */
  readonly receipts: string;
  /** Partition key `account`. `payments` counts the effects, by no key: it shows a double. */
  readonly accounts: string;
  /** Partition key `id`: rows that the insert way makes. */
  readonly rows: string;
}

export async function newTables(client: DynamoDBClient): Promise<Tables> {
  const [receipts, accounts, rows] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'account'),
    newTable(client, 'id'),
  ]);
  return { receipts, accounts, rows };
}

async function newTable(client: DynamoDBClient, key: string): Promise<string> {
  const TableName = `bench-${randomUUID()}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.2 }, { TableName });
  return TableName;
}

/** How often messages have acted on an account. */
export async function effectsOn(
  client: DynamoDBClient,
  { accounts }: Tables,
  account: string,
): Promise<number> {
  const found = await client.send(
    new GetItemCommand({ TableName: accounts, Key: { account: { S: account } }, ConsistentRead: true }),
  );
  return Number(found.Item?.payments?.N ?? 0);
}
