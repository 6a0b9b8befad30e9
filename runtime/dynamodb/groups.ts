import { GetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { attentionRows } from './attention.js';
import type { Group, GroupHead } from '../dedup/group.js';
import { holesHeading, readGroupRow } from './group-row.js';
import { operatorLimits } from '../dedup/operator-limits.js';
import { GroupStore } from './group-store.js';

/** The dedup table of a consumer, with its index `attention`. */
export interface FailureTable {
  readonly client: DynamoDBClient;
  readonly tableName: string;
}

/** A group that is stopped, or on its way back. See {@link Group} for what each field says. */
export interface StoppedGroup extends Omit<Group, 'token' | 'state'> {
  readonly consumerName: string;
  readonly state: 'stopped' | 'resuming' | 'skipping';
}

/** A message that was passed over when its group went on. Its dead letter may be redriven, and then acts once. */
export interface Hole extends GroupHead {
  readonly consumerName: string;
  readonly stream: string;
  /** Why its group had stopped. */
  readonly reason: string;
  /** What the person gave as the reason to pass it over. */
  readonly decision: string;
  /** ISO 8601 time at which it was passed over. */
  readonly at: string;
}

/** The stopped groups of a consumer, oldest first. From an index, which is behind by up to a second or so. */
export async function* listGroups(table: FailureTable, consumerName: string): AsyncGenerator<StoppedGroup> {
  for await (const item of attentionRows(table, consumerName)) {
    const group = stoppedGroup(consumerName, readGroupRow(item));
    if (group !== undefined) yield group;
  }
}

/**
 * The messages of a consumer that were passed over and have no receipt since, oldest first. Ways that keep no
 * receipts cannot tell the latter: there a hole is listed for as long as a receipt would be kept.
 */
export async function* listHoles(table: FailureTable, consumerName: string): AsyncGenerator<Hole> {
  const { client, tableName } = table;
  for await (const item of attentionRows(table, holesHeading(consumerName))) {
    const row = unmarshall(item) as Omit<Hole, 'at'> & { head: GroupHead; since: string };
    const { stream, reason, decision, head, since } = row;
    if (head.key !== undefined) {
      const Key = { id: { S: `${consumerName}#${head.key}` } };
      const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key }));
      if (Item?.status?.S === 'COMPLETED') continue;
    }
    yield { consumerName, stream, reason, decision, ...head, at: since };
  }
}

/** Undefined when the group flows. */
export async function readGroup(
  { client, tableName }: FailureTable,
  consumerName: string,
  stream: string,
): Promise<StoppedGroup | undefined> {
  const row = await new GroupStore(client, tableName, consumerName).read(stream, operatorLimits());
  return row && stoppedGroup(consumerName, row);
}

/** Undefined when the group flows. */
export function stoppedGroup(consumerName: string, row: Group): StoppedGroup | undefined {
  const { state } = row;
  return state === 'open' ? undefined : { ...row, consumerName, state };
}
