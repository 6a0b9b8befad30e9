import { BatchGetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { backoff } from '../dedup/backoff.js';
import type { Limits } from '../dedup/limits.js';
import { projection } from './conditions.js';
import { send } from './send.js';

type Item = Record<string, AttributeValue>;

/** DynamoDB: at most 100 keys in one BatchGetItem. */
const maxKeys = 100;
/** Of a read that need not see everything: it saves work, and is not to cost what is left of the time. */
const maxHints = 4;

/**
 * Reads rows of one table by their keys. What DynamoDB leaves unprocessed is asked for again until the deadline (R48).
 *
 * @param keys each once
 * @param consistent every row is read, or it throws. Otherwise a row that stays unprocessed is left out, which proves nothing.
 * @param attributes @default - all
 * @throws DependencyFailed when the rows could not be read.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
 */
export async function batchGet(
  client: DynamoDBClient,
  tableName: string,
  keys: readonly Item[],
  limits: Limits,
  consistent: boolean,
  attributes?: readonly string[],
): Promise<Item[]> {
  const chunks = Array.from({ length: Math.ceil(keys.length / maxKeys) }, (_, i) =>
    keys.slice(i * maxKeys, (i + 1) * maxKeys),
  );
  const read = async (chunk: readonly Item[]) => {
    const rows: Item[] = [];
    const asked = { ConsistentRead: consistent, ...(attributes && projection(attributes)) };
    let left = [...chunk];
    for (let attempts = 0; left.length > 0; attempts += 1) {
      if (attempts > 0) await backoff(attempts, limits.deadline);
      if (attempts === maxHints && !consistent) break;
      const command = new BatchGetItemCommand({
        RequestItems: { [tableName]: { Keys: left, ...asked } },
        ReturnConsumedCapacity: 'TOTAL',
      });
      let answer;
      try {
        answer = await send(client, command, limits, 'read');
      } catch (error) {
        if (consistent || attempts === 0) throw error;
        break;
      }
      const { Responses = {}, UnprocessedKeys = {} } = answer;
      rows.push(...(Responses[tableName] ?? []));
      left = UnprocessedKeys[tableName]?.Keys ?? [];
    }
    return rows;
  };
  return (await Promise.all(chunks.map(read))).flat();
}
