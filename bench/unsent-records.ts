import { ScanCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';

/** The unsent rows as the records in which the table's stream brings them to the relay. At most 1 MB of them. */
export async function unsentRecords(client: DynamoDBClient, tableName: string): Promise<DynamoDBRecord[]> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName, ConsistentRead: true }));
  return Items.filter(({ unsent }) => unsent !== undefined).map((NewImage, i) => ({
    eventName: 'INSERT',
    dynamodb: { NewImage, SequenceNumber: String(i + 1) } as unknown as DynamoDBRecord['dynamodb'],
  }));
}
