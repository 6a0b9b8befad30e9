import {
  BatchGetItemCommand,
  paginateQuery,
  type AttributeValue,
  type BatchGetItemCommandOutput,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { unsentQuery } from '../dynamodb/conditions.js';
import type { OutboxRow } from './row.js';

type Item = Record<string, AttributeValue>;

const keysPerRead = 100;
const unsentShards = 16;

/**
 * Keys of unsent rows, oldest first in each shard, and when the oldest of all was committed. Eventually consistent.
 */
export async function unsentKeys(
  client: DynamoDBClient,
  table: string,
  most: { readonly committedBefore: number; readonly perShard: number },
): Promise<{ keys: Item[]; oldestAt: number | undefined }> {
  let oldestAt: number | undefined;
  const found = await Promise.all(
    Array.from({ length: unsentShards }, async (_, shard) => {
      const keys: Item[] = [];
      const query = {
        TableName: table,
        ...unsentQuery(String(shard).padStart(2, '0')),
        Limit: most.perShard,
      };
      for await (const { Items = [] } of paginateQuery({ client }, query))
        for (const { stream, version, at } of Items) {
          const committedAt = Number(at?.N);
          oldestAt = Math.min(oldestAt ?? Infinity, committedAt);
          if (committedAt >= most.committedBefore || keys.length === most.perShard) return keys;
          if (stream !== undefined && version !== undefined) keys.push({ stream, version });
        }
      return keys;
    }),
  );
  return { keys: found.flat(), oldestAt };
}

/** The rows that are still there and unsent, with consistent reads: an index is behind its table. */
export async function stillUnsent(
  client: DynamoDBClient,
  table: string,
  keys: readonly Item[],
): Promise<Item[]> {
  const items: Item[] = [];
  for (let index = 0; index < keys.length; index += keysPerRead) {
    let Keys: Item[] | undefined = keys.slice(index, index + keysPerRead);
    while (Keys !== undefined && Keys.length > 0) {
      const answer: BatchGetItemCommandOutput = await client.send(
        new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }),
      );
      items.push(...(answer.Responses?.[table] ?? []));
      Keys = answer.UnprocessedKeys?.[table]?.Keys;
    }
  }
  return items.filter(({ unsent }) => unsent !== undefined);
}

export function keyOf({ stream, version }: OutboxRow): Item {
  return { stream: { S: stream }, version: { S: version } };
}
