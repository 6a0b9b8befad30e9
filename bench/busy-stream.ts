import { BatchWriteItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { eventItem, streamText } from '../runtime/outbox/row.js';

type Item = Record<string, AttributeValue>;

/** Rows of events of one aggregate. */
export function busyStream(count: number, aggregate = 'busy'): Item[] {
  const stream = streamText({ source: 'bench', epoch: '1', kind: 'accounts', aggregate });
  return Array.from({ length: count }, (_, i) =>
    eventItem(stream, BigInt(i + 1), {
      ...{ type: 'PaymentSettled', at: Date.now() },
      data: JSON.stringify({ id: `payment-${i}`, cents: 100, text: 'x'.repeat(500) }),
    }),
  );
}

/** The same of several aggregates, an event of each in turn. */
export function eventsOf(aggregates: number, each: number): Item[] {
  const streams = Array.from({ length: aggregates }, (_, i) => busyStream(each, `busy-${i}`));
  return Array.from({ length: each }, (_, i) => streams.flatMap((rows) => rows.slice(i, i + 1))).flat();
}

export async function writeAll(
  client: DynamoDBClient,
  tableName: string,
  items: readonly Item[],
): Promise<void> {
  for (let i = 0; i < items.length; i += 25)
    await client.send(
      new BatchWriteItemCommand({
        RequestItems: { [tableName]: items.slice(i, i + 25).map((Item) => ({ PutRequest: { Item } })) },
      }),
    );
}

/** The records in which the table's stream brings rows. */
export function recordsOf(items: readonly Item[]): DynamoDBRecord[] {
  return items.map((NewImage, i) => ({
    eventName: 'INSERT',
    dynamodb: { NewImage, SequenceNumber: String(i + 1) } as unknown as DynamoDBRecord['dynamodb'],
  }));
}
