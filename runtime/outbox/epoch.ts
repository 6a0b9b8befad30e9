import {
  ConditionalCheckFailedException,
  paginateScan,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { conditional, versionIs } from '../dynamodb/conditions.js';
import { native } from '../dynamodb/native-value.js';
import { ExactlyOnceError } from '../dedup/errors.js';
import { addressOf, type Table } from '../dynamodb/table.js';
import { versionAttribute } from './numbering.js';

/** Events of the new epoch exist: to begin its counts again would give two events one place. */
export class EpochBegun extends ExactlyOnceError {
  override name = 'EpochBegun';
  constructor(
    readonly epoch: string,
    readonly stream: string,
  ) {
    super(
      `epoch '${epoch}' has events already, such as those of ${stream}; nothing was changed: choose an epoch that was never used`,
    );
  }
}

/** An aggregate was written while its count was being ended. */
export class NotQuiet extends ExactlyOnceError {
  override name = 'NotQuiet';
  constructor(
    readonly tableName: string,
    readonly key: string,
  ) {
    super(`${key} of '${tableName}' is being written; stop all publishers, and begin again: it is safe`);
  }
}

export interface NewEpoch {
  readonly client: DynamoDBClient;
  /** Name of the outbox table. */
  readonly outbox: string;
  /** Tables of everything that publishes to it: their items' `version` counts the events. */
  readonly aggregates: readonly Table[];
  /** One that was never used, such as '2' after '1'. */
  readonly epoch: string;
}

/**
 * Ends the counts of all aggregates, so that those of a new epoch begin at 1. For tables that were restored from a
 * backup: the restored counts lie behind what consumers have seen, and the next events would be taken for copies, and
 * be lost (R37).
 *
 * To be called while nothing publishes, before the publishers are deployed with the new epoch. May be called again
 * after it was interrupted. Costs a scan of the tables, and 1 write unit per aggregate of up to 1 KB.
 *
 * @returns how many aggregates there were to begin anew
 * @throws EpochBegun when the outbox has an event of the epoch already: nothing is changed
 * @throws NotQuiet when an aggregate was written meanwhile
 */
export async function beginEpoch({ client, outbox, aggregates, epoch }: NewEpoch): Promise<number> {
  const streams = paginateScan(
    { client },
    {
      TableName: outbox,
      ConsistentRead: true,
      ProjectionExpression: '#stream',
      ExpressionAttributeNames: { '#stream': 'stream' },
    },
  );
  for await (const { Items = [] } of streams)
    for (const { stream } of Items)
      if (epochOf(stream?.S) === epoch) throw new EpochBegun(epoch, stream?.S ?? '');
  let count = 0;
  for (const table of aggregates) count += await endCounts(client, table);
  return count;
}

async function endCounts(client: DynamoDBClient, table: Table): Promise<number> {
  let count = 0;
  for await (const { Items = [] } of paginateScan(
    { client },
    { TableName: table.name, ConsistentRead: true },
  ))
    for (const item of Items) {
      const version = item[versionAttribute]?.N;
      if (version === undefined) continue;
      await endCount(client, table, item, BigInt(version));
      count += 1;
    }
  return count;
}

async function endCount(
  client: DynamoDBClient,
  table: Table,
  item: Record<string, AttributeValue>,
  version: bigint,
): Promise<void> {
  const { key, id } = addressOf(table, native(item));
  const condition = versionIs(version);
  try {
    await client.send(
      new UpdateItemCommand({
        TableName: table.name,
        Key: key,
        UpdateExpression: 'REMOVE #xoVersion',
        ExpressionAttributeNames: { ...condition.names },
        ExpressionAttributeValues: { ...condition.values },
        ...conditional(condition),
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    throw new NotQuiet(table.name, id);
  }
}

function epochOf(stream: string | undefined): string | undefined {
  const [, epoch] = JSON.parse(stream ?? '[]') as (string | undefined)[];
  return epoch;
}
