import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Table } from '../../runtime/dynamodb/index.js';
import { row } from '../fixtures/dynamo.js';

/** Each account has seen each of its versions once, in their order. */
export async function expectInOrder(
  dynamodb: DynamoDBClient,
  effects: Table,
  accounts: number,
  each: number,
): Promise<void> {
  for (let a = 0; a < accounts; a += 1)
    expect((await row(dynamodb, effects, { name: `a${a}` }))?.['seen']).toEqual(
      Array.from({ length: each }, (_, n) => String(n + 1)),
    );
}

/** Each event has acted once. */
export async function expectActedOnce(
  dynamodb: DynamoDBClient,
  effects: Table,
  events: readonly { readonly id: string }[],
): Promise<void> {
  for (const { id } of events)
    expect([id, (await row(dynamodb, effects, { name: id }))?.['acted']]).toEqual([id, 1]);
}
