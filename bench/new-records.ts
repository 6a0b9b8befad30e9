import { ScanCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';

/**
 * The events that have come since the last call, as the records in which the table's stream brings them to the relay.
 * At most 1 MB of rows.
 */
export function newRecords(client: DynamoDBClient, tableName: string): () => Promise<DynamoDBRecord[]> {
  const given = new Set<string>();
  return async () => {
    const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName, ConsistentRead: true }));
    return Items.filter(({ stream, version, data }) => {
      const id = `${stream?.S} ${version?.S}`;
      if (data === undefined || given.has(id)) return false;
      given.add(id);
      return true;
    }).map((NewImage, i) => ({
      eventName: 'INSERT',
      dynamodb: { NewImage, SequenceNumber: String(i + 1) } as unknown as DynamoDBRecord['dynamodb'],
    }));
  };
}
