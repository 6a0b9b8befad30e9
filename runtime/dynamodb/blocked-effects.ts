import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { attentionRows } from './attention.js';
import { effectsOf } from './lease-row.js';

/** The dedup table, and a client for it. */
export interface LeaseTable {
  readonly client: DynamoDBClient;
  readonly tableName: string;
}

/** An effect whose outcome is unknown and that a person has to look at. */
export interface BlockedEffect {
  /** Row id; for an effect of `tx.once`, effect name and key are in it. */
  readonly id: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly since: string;
  /** What the effect was called with: JSON text. Undefined in a row of Powertools. */
  readonly args: string | undefined;
}

/**
 * Effects of a consumer that wait for a person, oldest first. Reads the table's index `attention`, which is
 * eventually consistent.
 */
export async function* listBlocked(table: LeaseTable, consumerName: string): AsyncGenerator<BlockedEffect> {
  for await (const { id, reason, since, args } of attentionRows(table, effectsOf(consumerName)))
    yield { id: id?.S ?? '', reason: reason?.S ?? '', since: since?.S ?? '', args: args?.S };
}
