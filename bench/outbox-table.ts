import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  ScanCommand,
  waitUntilTableExists,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';

/** A table as the OutboxTable construct makes it: with a stream and the index of unsent rows. */
export async function newOutboxTable(client: DynamoDBClient): Promise<string> {
  const TableName = `bench-outbox-${randomUUID()}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'stream', AttributeType: 'S' },
        { AttributeName: 'version', AttributeType: 'S' },
        { AttributeName: 'unsent', AttributeType: 'S' },
        { AttributeName: 'at', AttributeType: 'N' },
      ],
      KeySchema: [
        { AttributeName: 'stream', KeyType: 'HASH' },
        { AttributeName: 'version', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'unsent',
          KeySchema: [
            { AttributeName: 'unsent', KeyType: 'HASH' },
            { AttributeName: 'at', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.2 }, { TableName });
  return TableName;
}

/** The unsent rows as the records in which the table's stream brings them to the relay. At most 1 MB of them. */
export async function unsentRecords(client: DynamoDBClient, tableName: string): Promise<DynamoDBRecord[]> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName, ConsistentRead: true }));
  return Items.filter(({ unsent }) => unsent !== undefined).map((NewImage, i) => ({
    eventName: 'INSERT',
    dynamodb: { NewImage, SequenceNumber: String(i + 1) } as unknown as DynamoDBRecord['dynamodb'],
  }));
}
