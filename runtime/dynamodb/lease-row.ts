import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { InvalidKey, InvalidSettings, NewerRow } from '../dedup/errors.js';
import { receiptId } from '../dedup/identity.js';
import { rowVersion } from './receipt.js';
import { nativeRow } from './table.js';

/**
 * `INPROGRESS` and `COMPLETED` are those of Powertools. `UNKNOWN`: the outcome is not known. `FREE`: nothing happened, anybody may
 * claim it. Powertools' own layer takes neither of the last two for an outcome.
 */
export type LeaseStatus = 'INPROGRESS' | 'COMPLETED' | 'UNKNOWN' | 'FREE';

/** A stored lease. Times are epoch milliseconds unless they say otherwise. */
export interface LeaseRow {
  readonly id: string;
  readonly status: string;
  /** Token of the last claim; undefined in a row of Powertools. */
  readonly fence: string | undefined;
  /** End of the last claim by its owner's clock. 0 when Powertools did not know it. */
  readonly endsAt: number;
  /** When the first call whose outcome is unknown may have been made. */
  readonly firstCallAt: number;
  /** Epoch seconds, for DynamoDB's TTL. */
  readonly expiration: number;
  /** JSON text. Undefined in a row of Powertools. */
  readonly args: string | undefined;
  /** Powertools' hash of the payload. */
  readonly validation: string | undefined;
  readonly result: unknown;
  /** Why the outcome is unknown, or why it was unlocked. */
  readonly reason: string | undefined;
  /** It is listed for a person to look at. */
  readonly blocked: boolean;
}

/** Lambda's longest run: an owner that is known by its end only began at most this long before. */
const longestRunMs = 15 * 60_000;

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function readLease(item: Record<string, AttributeValue>): LeaseRow {
  const id = item.id?.S ?? '';
  if (Number(item.v?.N ?? 0) > rowVersion) throw new NewerRow(id, item.v?.N ?? '', rowVersion);
  const endsAt = Number(item.in_progress_expiration?.N ?? 0);
  const expiration = Number(item.expiration?.N ?? 0);
  return {
    id,
    status: item.status?.S ?? '',
    fence: item.fence?.S,
    endsAt,
    firstCallAt: Number(item.firstCallAt?.N ?? endsAt - longestRunMs),
    expiration,
    args: item.args?.S,
    validation: item.validation?.S,
    result: item.data === undefined ? undefined : nativeRow({ data: item.data }).data,
    reason: item.reason?.S,
    blocked: item.attention !== undefined,
  };
}

const effectNamePattern = /^[A-Za-z0-9_.-]{1,64}$/;
/** DynamoDB: a partition key holds at most 2,048 bytes. */
const maxIdBytes = 2048;

/**
 * Id of the lease of one effect of one message. The `!` keeps it apart from every receipt, because no consumer name holds one.
 *
 * @throws InvalidSettings when the effect's name is not 1 to 64 of `A-Z a-z 0-9 _ . -`.
 * @throws InvalidKey when the key cannot identify a message, see `receiptId`.
 */
export function leaseId(consumerName: string, effectName: string, key: string): string {
  if (!effectNamePattern.test(effectName))
    throw new InvalidSettings([
      `name of an effect must be 1 to 64 of A-Z a-z 0-9 _ . -, got '${effectName.slice(0, 80)}'; choose a stable name`,
    ]);
  receiptId(consumerName, key);
  const id = `${consumerName}!once#${effectName}#${key}`;
  if (Buffer.byteLength(id) > maxIdBytes)
    throw new InvalidKey(
      consumerName,
      `with the names of consumer and effect it has more than ${maxIdBytes} bytes; use a hash of it`,
    );
  return id;
}

/** What blocked effects of a consumer are listed under in the index `attention`. The `!` keeps them apart from its stopped groups. */
export function effectsOf(consumerName: string): string {
  return `${consumerName}!effects`;
}
