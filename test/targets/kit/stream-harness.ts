import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamRecord } from '../../../targets/event-source/index.js';
import { behave } from './stream-behaviour.js';

/** What a behaviour may use: it is shipped as source text, so it reaches nothing of the file it is written in. */
export interface StreamTools {
  sleep: (milliseconds: number) => Promise<unknown>;
  /** The `n` of the item that the record is about. */
  n: (record: StreamRecord) => string;
  /** How often the function has been given the record. */
  attempt: (record: StreamRecord) => number;
}

export type StreamBehaviour = (records: StreamRecord[], tools: StreamTools) => unknown;

const table = process.env['TABLE'] ?? '';
const dynamodb = new DynamoDBClient({});

/** Writes one row per invocation before it behaves: what the function saw, and what ran beside it. */
export async function handler(
  event: { Records: StreamRecord[] },
  context: { functionName: string },
): Promise<unknown> {
  // The warm-up.
  if (event.Records.length === 0) return undefined;
  const { functionName } = context;
  const number = await add(functionName, 'invocations', 1);
  const running = await add(functionName, 'running', 1);
  await dynamodb.send(
    new PutItemCommand({
      TableName: table,
      Item: {
        functionName: { S: functionName },
        row: { S: `invocation ${String(number).padStart(5, '0')}` },
        records: { S: JSON.stringify(event.Records).slice(0, 300_000) },
        running: { N: String(running) },
      },
    }),
  );
  const attempts = new Map<string, number>();
  for (const { dynamodb: change } of event.Records) {
    const attempt = await add(functionName, `attempt ${change.SequenceNumber}`, 1);
    attempts.set(change.SequenceNumber, attempt);
  }
  try {
    return await behave(event.Records, {
      sleep: (milliseconds) => sleep(milliseconds),
      n: ({ dynamodb: { Keys } }) => (Keys['n'] as { S: string }).S,
      attempt: ({ dynamodb: change }) => attempts.get(change.SequenceNumber) ?? 0,
    });
  } finally {
    await add(functionName, 'running', -1);
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
