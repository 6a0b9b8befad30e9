import { ConditionalCheckFailedException, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { sequence } from '../dedup/sequence.js';
import { conditional, outboxRowOutlived, outboxRowThere } from '../dynamodb/conditions.js';
import { send } from '../dynamodb/send.js';
import type { OutboxAccess } from './outbox-access.js';
import type { OutboxRow } from './event-row.js';
import { isKnownSent, placeId, readMarks, type Place } from './positions.js';

/**
 * `first`: nobody had marked it. `again`: it had been sent before, and its mark may have expired with its row since.
 */
export type Marked = 'first' | 'again';

/**
 * Marks a row as sent, when it and all before it in its stream were accepted by every target that wants them (R30).
 * The mark of a row is the expiry of the row before it; only the first of a stream has it on itself, in seconds since
 * the epoch (1: by a relay that did not yet tell when). So the newest row of a stream never expires: it is the count.
 * Costs 1 write unit for rows of up to 1 KB.
 *
 * @throws DependencyFailed when it is not known to be marked
 */
export async function markSent(
  { client, table, limits }: OutboxAccess,
  retentionSeconds: number,
  { stream, version, first }: Pick<OutboxRow, 'stream' | 'version' | 'first'>,
): Promise<Marked> {
  const seconds = Math.floor(Date.now() / 1000);
  const expiration = seconds + retentionSeconds;
  const condition = first ? outboxRowThere() : outboxRowOutlived(expiration);
  const marked = first ? version : version - 1n;
  try {
    const { Attributes } = await send(
      client,
      new UpdateItemCommand({
        TableName: table,
        Key: { stream: { S: stream }, version: { S: sequence(String(marked)) } },
        UpdateExpression: first ? 'SET #sent = :sent' : 'SET #expiration = :expiration',
        ExpressionAttributeNames: { ...condition.names, ...(first && { '#sent': 'sent' }) },
        ExpressionAttributeValues: { ...condition.values, ...(first && { ':sent': { N: String(seconds) } }) },
        ...conditional(condition),
        ReturnValuesOnConditionCheckFailure: 'NONE',
        ReturnValues: 'UPDATED_OLD',
      }),
      limits,
      'write',
    );
    return Attributes === undefined || Object.keys(Attributes).length === 0 ? 'first' : 'again';
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return 'again';
  }
}

/**
 * Marks a row that every target is past, though it may not have been sent: somebody has passed over it. Without its
 * mark it would be found unsent again. Costs 1 read unit for rows of up to 4 KB where it is marked, or not there.
 *
 * @throws DependencyFailed when it is not known to be marked
 */
export async function markPassed(
  access: OutboxAccess,
  retentionSeconds: number,
  { stream, version }: Place,
): Promise<void> {
  const previous = { stream, version: version - 1n };
  const places = [{ stream, version }, ...(version > 1n ? [previous] : [])];
  const read = await readMarks(access, places, true);
  const itself = read.get(placeId({ stream, version }));
  if (itself === undefined || isKnownSent(itself, read.get(placeId(previous)))) return;
  await markSent(access, retentionSeconds, { stream, version, first: itself.first });
}
