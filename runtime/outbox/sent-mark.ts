import {
  ConditionalCheckFailedException,
  UpdateItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { conditional, outboxRowOutlived } from '../dynamodb/conditions.js';
import type { OutboxRow } from './row.js';

/**
 * `first`: nobody had marked it. `again`: it had been sent before. `gone`: it had been sent long ago, and has
 * expired.
 */
export type Marked = 'first' | 'again' | 'gone';

/**
 * Marks a row as sent: it leaves the index of unsent rows, and from now on it may expire. Only here is `expiration`
 * ever written, so nothing is deleted unsent (R30). Costs 2 write units: the row, and its entry in the index.
 */
export async function markSent(
  client: DynamoDBClient,
  outbox: { readonly table: string; readonly retentionSeconds: number },
  row: OutboxRow,
): Promise<Marked> {
  const now = Date.now();
  const expiration = Math.floor(now / 1000) + outbox.retentionSeconds;
  const condition = outboxRowOutlived(expiration);
  try {
    const { Attributes = {} } = await client.send(
      new UpdateItemCommand({
        TableName: outbox.table,
        Key: { stream: { S: row.stream }, version: { S: row.version } },
        UpdateExpression: 'SET #sentAt = :sentAt, #expiration = :expiration REMOVE #unsent',
        ExpressionAttributeNames: { ...condition.names, '#sentAt': 'sentAt', '#unsent': 'unsent' },
        ExpressionAttributeValues: { ...condition.values, ':sentAt': { N: String(now) } },
        ...conditional(condition),
        ReturnValues: 'ALL_OLD',
      }),
    );
    return Attributes.unsent === undefined ? 'again' : 'first';
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return error.Item === undefined ? 'gone' : 'again';
  }
}
