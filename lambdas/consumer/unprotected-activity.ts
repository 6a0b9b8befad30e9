import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ActivityEvent, counterOf } from './activity-event.js';
import { required } from '../environment.js';
import { logUnprotected } from './unprotected-summary.js';

/**
 * The same counters without receipts. It is deployed with `--unprotected` only, to show that the audit counts what
 * goes wrong.
 */
const client = new DynamoDBClient({});
const TableName = required('ACTIVITY_TABLE');

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  let writeUnits = 0;
  for (const { body } of event.Records) {
    const { ConsumedCapacity } = await client.send(
      new UpdateItemCommand({
        TableName,
        Key: { counter: { S: counterOf(ActivityEvent.parse(JSON.parse(body))) } },
        UpdateExpression: 'ADD events :one',
        ExpressionAttributeValues: { ':one': { N: '1' } },
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    writeUnits += ConsumedCapacity?.CapacityUnits ?? 0;
  }
  logUnprotected(event.Records.length, writeUnits, event.Records.length);
  return { batchItemFailures: [] };
}
