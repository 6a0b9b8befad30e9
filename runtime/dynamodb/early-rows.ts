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
import { slotOf } from '../dedup/stream.js';
import { conditional, earlyAbsent } from './conditions.js';
import { nowSeconds, rowVersion } from './receipt.js';
import { batchGet } from './batch-get.js';
import { send } from './send.js';

/** Version of a row whose event does not stand at the place of its version (R17). */
const jumpingRowVersion = rowVersion + 1;
/** DynamoDB: rows in one BatchGetItem. */
export const rowsPerRead = 100;
/** Writes of rows that are under way at once. */
const atOnce = 25;

/** The one stream of one aggregate, as text that is short enough for an id. */
export function streamHash(stream: string): string {
  return hash('sha256', stream, 'base64url');
}

/**
 * Events that came so early that their aggregate's item has no room for them: a row of the dedup table each, by its
 * place in the stream (`slotOf`), so that it is found once the one before it has acted. The item says up to which
 * place there are rows; a row that it does not speak of is never read.
 *
 * A row is put before its message is acknowledged, and emptied after its version has acted: what is left of it then
 * expires. One whose process dies in between stays as it is, and is never read again.
 */
export class EarlyRows {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #consumerName: string;

  constructor(client: DynamoDBClient, tableName: string, consumerName: string) {
    this.#client = client;
    this.#tableName = tableName;
    this.#consumerName = consumerName;
  }

  /** The rows from a place on, at most {@link rowsPerRead}; null for one that is not there. Consistent. */
  async read(stream: string, from: bigint, to: bigint, limits: Limits): Promise<Map<bigint, Parked | null>> {
    const found = new Map<bigint, Parked | null>();
    const placeOf = new Map<string, bigint>();
    for (let place = from; place <= to && placeOf.size < rowsPerRead; place += 1n) {
      placeOf.set(this.#id(stream, place), place);
      found.set(place, null);
    }
    const keys = [...placeOf.keys()].map((id) => ({ id: { S: id } }));
    for (const row of await batchGet(this.#client, this.#tableName, keys, limits, true)) {
      const place = placeOf.get(row.id?.S ?? '');
      if (place !== undefined) found.set(place, parkedOf(row, place));
    }
    return found;
  }

  /**
   * Keeps events. Returns what is kept at each place: the event itself or, where another one came before, that one.
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

  /** The events at the places have acted, or have dead letters. Best effort: nobody reads the rows again. */
  async done(stream: string, places: readonly bigint[], limits: Limits): Promise<void> {
    for (let at = 0; at < places.length; at += atOnce)
      await Promise.allSettled(
        places.slice(at, at + atOnce).map(async (place) => {
          await send(
            this.#client,
            new UpdateItemCommand({
              TableName: this.#tableName,
              Key: { id: { S: this.#id(stream, place) } },
              UpdateExpression: 'SET expiration = :now, v = :v REMOVE carried, fingerprint, previous',
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

  async #put(stream: string, event: Parked, limits: Limits): Promise<Parked> {
    const { version, previous, fingerprint, carried } = event;
    const place = slotOf(event);
    const condition = earlyAbsent();
    try {
      await send(
        this.#client,
        new PutItemCommand({
          TableName: this.#tableName,
          Item: {
            id: { S: this.#id(stream, place) },
            v: { N: String(previous === undefined ? rowVersion : jumpingRowVersion) },
            ...(previous !== undefined && {
              of: { S: sequence(String(version)) },
              previous: { S: sequence(String(previous)) },
            }),
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
      return event;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      const kept = error.Item && parkedOf(error.Item, place);
      if (!kept) throw new CommitFailed(`row of version ${version} is not as it was`, { cause: error });
      return kept;
    }
  }

  #id(stream: string, place: bigint): string {
    return `${this.#consumerName}!early#${streamHash(stream)}#${sequence(String(place))}`;
  }
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
function parkedOf(
  { id, v, of, previous, fingerprint, carried }: Record<string, AttributeValue>,
  place: bigint,
): Parked | null {
  if (Number(v?.N ?? 0) > jumpingRowVersion) throw new NewerRow(id?.S ?? '', v?.N ?? '', jumpingRowVersion);
  if (carried?.S === undefined) return null;
  return {
    version: BigInt(of?.S ?? place),
    fingerprint: fingerprint?.S ?? '',
    carried: carried.S,
    ...(previous?.S !== undefined && { previous: BigInt(previous.S) }),
  };
}
