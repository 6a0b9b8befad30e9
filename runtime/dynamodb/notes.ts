import { UpdateItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Attempts } from '../dedup/history.js';
import type { Meter } from '../dedup/meter.js';
import { nowSeconds, rowVersion } from './receipt.js';
import { Clauses } from './write.js';

/**
 * By the message id on purpose: the counts belong to the receive count of that very message, and a redriven copy starts both anew.
 * A consumer name holds no `!`, so this is never the id of a receipt.
 */
export function attemptsId(consumerName: string, messageId: string): string {
  return `${consumerName}!attempts#${messageId}`;
}

export function readAttempts(row: Record<string, AttributeValue>): Attempts {
  const count = (name: keyof Attempts) => Number(row[name]?.N ?? 0);
  return {
    excused: count('excused'),
    failed: count('failed'),
    alone: count('alone'),
    readable: row.readable !== undefined,
    parked: row.parked !== undefined,
  };
}

/** SQS keeps no message longer than 14 days, so nobody asks about it afterwards. */
const lifeSeconds = 15 * 86_400;

export function attemptsExpiration(): AttributeValue {
  return { N: String(nowSeconds() + lifeSeconds) };
}

/**
 * Adds to the counts of a message: 1 write unit. Without a condition, because too high a count of what was excused or too low a count
 * of failures makes a message come again, and never lets it act twice.
 *
 * @throws whatever the SDK throws.
 */
export async function addAttempts(
  client: DynamoDBClient,
  tableName: string,
  id: string,
  change: Readonly<Partial<Record<'excused' | 'failed' | 'alone' | 'readable', number>>>,
  reason: string | undefined,
  meter: Meter,
): Promise<void> {
  const clauses = new Clauses();
  for (const [name, by] of Object.entries(change))
    clauses.add('ADD', `${clauses.name(name)} ${clauses.value({ N: String(by) })}`);
  const set = (name: string, value: AttributeValue) =>
    clauses.add('SET', `${clauses.name(name)} = ${clauses.value(value)}`);
  set('v', { N: String(rowVersion) });
  set('expiration', attemptsExpiration());
  if (reason !== undefined) set('reason', { S: reason.slice(0, 1_000) });
  meter.call();
  const { ConsumedCapacity } = await client.send(
    new UpdateItemCommand({
      TableName: tableName,
      Key: { id: { S: id } },
      UpdateExpression: clauses.text(),
      ExpressionAttributeNames: clauses.names,
      ExpressionAttributeValues: clauses.values,
      ReturnConsumedCapacity: 'TOTAL',
    }),
  );
  meter.write(ConsumedCapacity && [ConsumedCapacity]);
}
