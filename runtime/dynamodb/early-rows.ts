import { hash } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  PutItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { CommitFailed, NewerRow } from '../dedup/errors.js';
import type { Parked } from '../dedup/ledger.js';
import type { Limits } from '../dedup/limits.js';
import { sequence } from '../dedup/sequence.js';
import { conditional, earlyAbsent } from './conditions.js';
import { nowSeconds, rowVersion } from './receipt.js';
import { batchGet } from './batch-get.js';
import { send } from './send.js';

/** DynamoDB: rows in one BatchGetItem. */
export const rowsPerRead = 100;
/** Writes of rows that are under way at once. */
const atOnce = 25;

/** The one stream of one aggregate, as text that is short enough for an id. */
export function streamHash(stream: string): string {
  return hash('sha256', stream, 'base64url');
}

/**
 * Events that came so early that their aggregate's item has no room for them: a row of the dedup table each, by the
 * version. The item says up to which version there are rows; a row that it does not speak of is never read.
 *
 * A row is put before its message is acknowledged, and emptied after its version has acted: what is left of it then
 * expires. One whose process dies in between stays as it is, and is never read again.
 */
export class EarlyRows {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly consumerName: string,
  ) {}

  /** The rows from a version on, at most {@link rowsPerRead}; null for one that is not there. Consistent. */
  async read(stream: string, from: bigint, to: bigint, limits: Limits): Promise<Map<bigint, Parked | null>> {
    const found = new Map<bigint, Parked | null>();
    const versionOf = new Map<string, bigint>();
    for (let version = from; version <= to && versionOf.size < rowsPerRead; version += 1n) {
      versionOf.set(this.#id(stream, version), version);
      found.set(version, null);
    }
    const keys = [...versionOf.keys()].map((id) => ({ id: { S: id } }));
    for (const row of await batchGet(this.client, this.tableName, keys, limits, true)) {
      const version = versionOf.get(row.id?.S ?? '');
      if (version !== undefined) found.set(version, parkedOf(row, version));
    }
    return found;
  }

  /**
   * Keeps events. Returns what is kept of each version: the event itself or, of another payload that came before,
   * that one.
   */
  async put(
    events: readonly { readonly stream: string; readonly event: Parked }[],
    limits: Limits,
  ): Promise<Parked[]> {
    const kept: Parked[] = [];
    for (let at = 0; at < events.length; at += atOnce)
      kept.push(
        ...(await Promise.all(
          events.slice(at, at + atOnce).map(({ stream, event }) => this.#put(stream, event, limits)),
        )),
      );
    return kept;
  }

  /** The event's version has acted, or has a dead letter. Best effort: nobody reads the row again. */
  async done(stream: string, versions: readonly bigint[], limits: Limits): Promise<void> {
    for (let at = 0; at < versions.length; at += atOnce)
      await Promise.allSettled(
        versions.slice(at, at + atOnce).map(async (version) => {
          await send(
            this.client,
            new UpdateItemCommand({
              TableName: this.tableName,
              Key: { id: { S: this.#id(stream, version) } },
              UpdateExpression: 'SET expiration = :now, v = :v REMOVE carried, fingerprint',
              ExpressionAttributeValues: {
                ':now': { N: String(nowSeconds()) },
                ':v': { N: String(rowVersion) },
              },
              ReturnConsumedCapacity: 'TOTAL',
            }),
            limits,
            'write',
          );
        }),
      );
  }

  async #put(stream: string, { version, fingerprint, carried }: Parked, limits: Limits): Promise<Parked> {
    const condition = earlyAbsent();
    try {
      await send(
        this.client,
        new PutItemCommand({
          TableName: this.tableName,
          Item: {
            id: { S: this.#id(stream, version) },
            v: { N: String(rowVersion) },
            fingerprint: { S: fingerprint },
            carried: { S: carried },
          },
          ExpressionAttributeNames: { ...condition.names },
          ...conditional(condition),
          ReturnConsumedCapacity: 'TOTAL',
        }),
        limits,
        'write',
      );
      return { version, fingerprint, carried };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      const kept = error.Item && parkedOf(error.Item, version);
      if (!kept) throw new CommitFailed(`row of version ${version} is not as it was`, { cause: error });
      return kept;
    }
  }

  #id(stream: string, version: bigint): string {
    return `${this.consumerName}!early#${streamHash(stream)}#${sequence(String(version))}`;
  }
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
function parkedOf(
  { id, v, fingerprint, carried }: Record<string, AttributeValue>,
  version: bigint,
): Parked | null {
  if (Number(v?.N ?? 0) > rowVersion) throw new NewerRow(id?.S ?? '', v?.N ?? '', rowVersion);
  if (carried?.S === undefined) return null;
  return { version, fingerprint: fingerprint?.S ?? '', carried: carried.S };
}
