import { GetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Meter } from '../dedup/meter.js';
import type { ItemAddress } from './table.js';

/** Reads attributes of one item. Undefined: there is no such item. */
export type ItemReader = (
  address: ItemAddress,
  attributes: readonly string[],
) => Promise<Record<string, AttributeValue> | undefined>;

/**
 * @param consistent whether it sees every write that has been answered. Costs 1 read unit per 4 KB of the whole item, otherwise half.
 */
export function itemReader(client: DynamoDBClient, meter: Meter, consistent: boolean): ItemReader {
  return async ({ tableName, key }, attributes) => {
    meter.call();
    const names = [...new Set([...Object.keys(key), ...attributes])];
    const { Item, ConsumedCapacity } = await client.send(
      new GetItemCommand({
        TableName: tableName,
        Key: key,
        ConsistentRead: consistent,
        ProjectionExpression: names.map((_, i) => `#a${i}`).join(),
        ExpressionAttributeNames: Object.fromEntries(names.map((name, i) => [`#a${i}`, name])),
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    meter.read(ConsumedCapacity && [ConsumedCapacity]);
    return Item;
  };
}
