import { BatchGetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { backoff } from '../dedup/backoff.js';
import { DependencyFailed, errorText } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import { projection } from './projection.js';
import { send } from './send.js';

type Item = Record<string, AttributeValue>;

/** DynamoDB: at most 100 keys in one BatchGetItem. */
const maxKeys = 100;
/** Tries in a row: of a guard, so that the others of its batch have time left; of a read that only saves work. */
const maxTries = { guard: 8, hint: 4 };

/** What a read of many rows came to. */
interface BatchRead {
  readonly rows: readonly Item[];
  /** Keys about which nothing is known. That is not the same as absent (R48). */
  readonly unread: readonly Item[];
  /** Why. */
  readonly cause?: DependencyFailed;
}

/**
 * Reads rows of one table by their keys. What DynamoDB leaves unprocessed is asked for again (R48).
 *
 * @param keys each once
 * @param consistent every row is read, or it throws. Otherwise a row that stays unprocessed is left out, which proves
 *   nothing.
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
): Promise<readonly Item[]> {
  const { rows, unread, cause } = await batchRead(client, tableName, keys, limits, consistent, attributes);
  if (unread.length > 0 && (consistent || (cause !== undefined && rows.length === 0)))
    throw cause ?? new DependencyFailed(`DynamoDB left ${unread.length} keys unprocessed`);
  return rows;
}

/**
 * The same, consistently, and never throwing: for guards, of which each holds for itself. @param ids of rows with the
 * key `id`
 */
export async function readRows(
  client: DynamoDBClient,
  tableName: string,
  ids: readonly string[],
  limits: Limits,
): Promise<{ readonly rows: ReadonlyMap<string, Item>; readonly unread: ReadonlySet<string> }> {
  const keys = [...new Set(ids)].map((id) => ({ id: { S: id } }));
  const { rows, unread } = await batchRead(client, tableName, keys, limits, true);
  const idOf = ({ id }: Item) => id?.S ?? '';
  return { rows: new Map(rows.map((row) => [idOf(row), row])), unread: new Set(unread.map(idOf)) };
}

async function batchRead(
  client: DynamoDBClient,
  tableName: string,
  keys: readonly Item[],
  limits: Limits,
  consistent: boolean,
  attributes?: readonly string[],
): Promise<BatchRead> {
  const asked = { ConsistentRead: consistent, ...(attributes && projection(attributes)) };
  const read = async (chunk: readonly Item[]): Promise<BatchRead> => {
    const rows: Item[] = [];
    let unread = [...chunk];
    for (let attempts = 0; unread.length > 0; attempts += 1) {
      if (attempts > 0) await backoff(attempts, limits.deadline);
      if (attempts === (consistent ? maxTries.guard : maxTries.hint)) break;
      const command = new BatchGetItemCommand({
        RequestItems: { [tableName]: { Keys: unread, ...asked } },
        ReturnConsumedCapacity: 'TOTAL',
      });
      try {
        const { Responses = {}, UnprocessedKeys = {} } = await send(client, command, limits, 'read');
        rows.push(...(Responses[tableName] ?? []));
        unread = UnprocessedKeys[tableName]?.Keys ?? [];
      } catch (error) {
        const cause = error instanceof DependencyFailed ? error : new DependencyFailed(errorText(error));
        return { rows, unread, cause };
      }
    }
    return { rows, unread };
  };
  const chunks = Array.from({ length: Math.ceil(keys.length / maxKeys) }, (_, i) =>
    keys.slice(i * maxKeys, (i + 1) * maxKeys),
  );
  const answers = await Promise.all(chunks.map(read));
  return {
    rows: answers.flatMap(({ rows }) => rows),
    unread: answers.flatMap(({ unread }) => unread),
    cause: answers.find(({ cause }) => cause !== undefined)?.cause,
  };
}
