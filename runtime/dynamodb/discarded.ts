import { PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Limits } from '../dedup/limits.js';
import { keyHash } from '../dedup/key-hash.js';
import { attentionRows } from './attention.js';
import { rowVersion } from './receipt.js';
import { send } from './send.js';

/** A dead letter that somebody threw away, as it is kept for whoever asks later. It holds no key and no payload. */
export interface Discarded {
  readonly consumerName: string;
  /** Id of the message in the dead-letter queue. */
  readonly messageId: string;
  /** SHA-256 of the key, as log lines have it; absent when the message had none. */
  readonly keyHash?: string;
  /** When the message was first sent, ISO 8601. */
  readonly firstEnqueue: string;
  /** What the person gave as the reason. */
  readonly reason: string;
  /** Who it was. */
  readonly by: string;
  /** When, ISO 8601. */
  readonly at: string;
}

/** A dead letter that is about to be thrown away. */
export interface Discard extends Omit<Discarded, 'keyHash' | 'at' | 'consumerName'> {
  readonly key?: string;
}

/** Heading of the index `attention` under which what was thrown away is found. */
function discardedHeading(consumerName: string): string {
  return `${consumerName}!discarded`;
}

/**
 * Writes down that a dead letter is thrown away: to be called before the message is removed, so that none is gone
 * without a trace. Once more for the same message writes the same row. The row never expires.
 *
 * @throws DependencyFailed when it is not known to be written
 */
export async function noteDiscarded(
  { client, tableName }: { readonly client: DynamoDBClient; readonly tableName: string },
  consumerName: string,
  { messageId, key, firstEnqueue, reason, by }: Discard,
  limits: Limits,
): Promise<void> {
  const row = {
    id: `${consumerName}!discarded#${messageId}`,
    v: rowVersion,
    attention: discardedHeading(consumerName),
    since: new Date().toISOString(),
    keyHash: key === undefined ? undefined : keyHash(key),
    ...{ messageId, firstEnqueue, reason, by },
  };
  await send(
    client,
    new PutItemCommand({
      TableName: tableName,
      Item: marshall(row, { removeUndefinedValues: true }),
      ReturnConsumedCapacity: 'TOTAL',
    }),
    limits,
    'write',
  );
}

/** What was thrown away of a consumer, oldest first. From an index, which is behind by up to a second or so. */
export async function* listDiscarded(
  table: { readonly client: DynamoDBClient; readonly tableName: string },
  consumerName: string,
): AsyncGenerator<Discarded> {
  for await (const item of attentionRows(table, discardedHeading(consumerName))) {
    const { messageId, keyHash, firstEnqueue, reason, by, since } = unmarshall(item) as Discarded & {
      since: string;
    };
    yield { consumerName, messageId, keyHash, firstEnqueue, reason, by, at: since };
  }
}
