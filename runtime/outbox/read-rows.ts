import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { sequence } from '../dedup/sequence.js';
import { streamQuery } from '../dynamodb/conditions.js';
import { send } from '../dynamodb/send.js';
import type { OutboxAccess } from './outbox-access.js';
import { isEvent, readRow, versionIn, type OutboxRow } from './event-row.js';

/** Some rows of a stream, as they follow on each other. */
export interface RowsRead {
  /** Readable ones, in the order of their versions, up to the first that is not. */
  readonly rows: readonly OutboxRow[];
  /** Why the next row cannot be sent. */
  readonly unreadable?: { readonly version: bigint; readonly error: unknown };
  /** There are more. */
  readonly more: boolean;
}

/**
 * Reads rows of a stream from a version on, consistently: at most so many, and at most 1 MB.
 *
 * @throws DependencyFailed when they could not be read
 */
export async function readRows(
  { client, table, limits }: OutboxAccess,
  stream: string,
  from: bigint,
  most: number,
): Promise<RowsRead> {
  const command = new QueryCommand({
    TableName: table,
    ...streamQuery(stream, sequence(String(from))),
    Limit: most,
    ConsistentRead: true,
  });
  const { Items = [], LastEvaluatedKey } = await send(client, command, limits, 'read');
  const rows: OutboxRow[] = [];
  for (const item of Items.filter(isEvent))
    try {
      rows.push(readRow(item));
    } catch (error) {
      return { rows, more: false, unreadable: { version: versionIn(item.version) ?? from, error } };
    }
  return { rows, more: LastEvaluatedKey !== undefined };
}
