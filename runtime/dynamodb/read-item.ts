import { GetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Limits } from '../dedup/limits.js';
import { projection } from './projection.js';
import { send } from './send.js';
import type { ItemAddress } from './table.js';

/** Reads attributes of one item, or all where so many are asked for. Undefined: there is no such item. */
export type ItemReader = (
  address: ItemAddress,
  attributes: readonly string[],
) => Promise<Record<string, AttributeValue> | undefined>;

/**
 * @param consistent whether it sees every write that has been answered. Costs 1 read unit per 4 KB of the whole item,
 *   otherwise half.
 */
export function itemReader(client: DynamoDBClient, limits: Limits, consistent: boolean): ItemReader {
  return async ({ tableName, key }, attributes) => {
    const command = new GetItemCommand({
      TableName: tableName,
      Key: key,
      ConsistentRead: consistent,
      ...projection([...new Set([...Object.keys(key), ...attributes])]),
      ReturnConsumedCapacity: 'TOTAL',
    });
    return (await send(client, command, limits, 'read')).Item;
  };
}
