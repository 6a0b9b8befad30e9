import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqsRecord } from '../../../targets/event-source/record.js';
import { behave } from './behaviour.js';

/** What a behaviour may use: it is shipped as source text, so it reaches nothing of the file it is written in. */
export interface Tools {
  sleep: (milliseconds: number) => Promise<unknown>;
  /** How often SQS has handed out the record. */
  attempt: (record: SqsRecord) => number;
  /** Calls SQS for a record's own message. */
  sqs: (
    action: 'ChangeMessageVisibility' | 'DeleteMessage',
    record: SqsRecord,
    input?: object,
  ) => Promise<unknown>;
}

export type Behaviour = (records: SqsRecord[], tools: Tools) => unknown;

const table = process.env['TABLE'] ?? '';
const endpoint = process.env['AWS_ENDPOINT_URL'] ?? '';
// As a deployed function would: the endpoint, the region and the credentials come from the environment.
const dynamodb = new DynamoDBClient({});

const tools: Tools = {
  sleep: (milliseconds) => sleep(milliseconds),
  attempt: (record) => Number(record.attributes['ApproximateReceiveCount']),
  sqs: async (action, record, input = {}) => {
    const [, , , , account = '', queue = ''] = record.eventSourceARN.split(':');
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
      body: JSON.stringify({
        QueueUrl: `${endpoint}/${account}/${queue}`,
        ReceiptHandle: record.receiptHandle,
        ...input,
      }),
    });
    return response.json();
  },
};

/** Writes one row per invocation before it behaves: what the function saw, and what ran beside it. */
export async function handler(
  event: { Records: SqsRecord[] },
  context: { functionName: string },
): Promise<unknown> {
  // The warm-up.
  if (event.Records.length === 0) return undefined;
  const functionName = context.functionName;
  const groups = [...new Set(event.Records.map((record) => record.attributes['MessageGroupId'] ?? ''))];
  const number = await add(functionName, 'invocations', 1);
  const running = await add(functionName, 'running', 1);
  const inGroup = await Promise.all(groups.map((group) => add(functionName, `running in ${group}`, 1)));
  await dynamodb.send(
    new PutItemCommand({
      TableName: table,
      Item: {
        functionName: { S: functionName },
        row: { S: `invocation ${String(number).padStart(5, '0')}` },
        // A row has room for 400 KB.
        records: {
          S: JSON.stringify(event.Records.map((record) => ({ ...record, body: record.body.slice(0, 1000) }))),
        },
        running: { N: String(running) },
        runningInGroup: { N: String(Math.max(...inGroup)) },
      },
    }),
  );
  try {
    return await behave(event.Records, tools);
  } finally {
    await add(functionName, 'running', -1);
    await Promise.all(groups.map((group) => add(functionName, `running in ${group}`, -1)));
  }
}

async function add(functionName: string, row: string, by: number): Promise<number> {
  const { Attributes } = await dynamodb.send(
    new UpdateItemCommand({
      TableName: table,
      Key: { functionName: { S: functionName }, row: { S: row } },
      UpdateExpression: 'ADD #count :by',
      ExpressionAttributeNames: { '#count': 'count' },
      ExpressionAttributeValues: { ':by': { N: String(by) } },
      ReturnValues: 'UPDATED_NEW',
    }),
  );
  return Number(Attributes?.['count']?.N);
}
