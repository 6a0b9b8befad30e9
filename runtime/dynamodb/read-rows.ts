import { BatchGetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { backoff } from '../dedup/backoff.js';
import type { Limits } from '../dedup/limits.js';
import { send } from './send.js';

/** DynamoDB: keys in one BatchGetItem. */
const maxKeys = 100;

/**
 * Reads rows of a table with the key `id`, consistently. DynamoDB may leave keys unprocessed: they are asked for again until the deadline,
 * because unprocessed is not absent (R48). Never throws.
 *
 * @returns the rows by id, and the ids about which nothing is known.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
 */
export async function readRows(
  client: DynamoDBClient,
  tableName: string,
  ids: readonly string[],
  limits: Limits,
): Promise<{
  readonly rows: ReadonlyMap<string, Record<string, AttributeValue>>;
  readonly unread: ReadonlySet<string>;
}> {
  const rows = new Map<string, Record<string, AttributeValue>>();
  let left = [...new Set(ids)];
  const unread = new Set(left);
  for (let tries = 0; left.length > 0; tries += 1) {
    if (tries > 0) await backoff(tries, limits.deadline);
    const asked = left.slice(0, maxKeys);
    try {
      const { Responses, UnprocessedKeys } = await send(
        client,
        new BatchGetItemCommand({
          RequestItems: {
            [tableName]: { Keys: asked.map((id) => ({ id: { S: id } })), ConsistentRead: true },
          },
          ReturnConsumedCapacity: 'TOTAL',
        }),
        limits,
        'read',
      );
      for (const row of Responses?.[tableName] ?? []) rows.set(row.id?.S ?? '', row);
      const again = new Set(UnprocessedKeys?.[tableName]?.Keys?.map(({ id }) => id?.S ?? ''));
      for (const id of asked) if (!again.has(id)) unread.delete(id);
      left = [...left.slice(maxKeys), ...again];
      if (again.size < asked.length) tries = -1;
    } catch {
      // The SDK has tried again by itself: a table that does not answer now is not asked until the end of the time.
      break;
    }
    if (tries >= maxTries) break;
  }
  return { rows, unread };
}

/** Tries without a single key answered. */
const maxTries = 5;
