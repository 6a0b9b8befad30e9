import { NewerRow } from './errors.js';
import { rowVersion } from './receipt.js';

/** An event that came before its predecessors: kept inside the aggregate's own item until the gap closes. */
export interface Parked {
  readonly version: bigint;
  readonly fingerprint: string;
  /** All that is needed to handle it later, as text. No message is left in the queue for it. */
  readonly carried: string;
}

/** What an aggregate knows of one incarnation of one producer's stream (R2). */
export interface Stream {
  /** Every version up to this one has acted. */
  readonly position: bigint;
  /** Ascending, all above the position. */
  readonly parked: readonly Parked[];
}

/** By stream id. A Map, because a source may be called `__proto__`. */
export type Ledger = ReadonlyMap<string, Stream>;

type StoredStream = readonly [id: string, position: string, ...parked: (readonly [string, string, string])[]];

/**
 * The ledger as one text attribute. Text, because versions have up to 40 digits, and source names may hold what DynamoDB's
 * document paths and JavaScript's objects treat as special.
 */
export function ledgerText(ledger: Ledger): string {
  const streams = [...ledger].map(([id, { position, parked }]): StoredStream => [
    id,
    position.toString(),
    ...parked.map(({ version, fingerprint, carried }) => [version.toString(), fingerprint, carried] as const),
  ]);
  return JSON.stringify([rowVersion, ...streams]);
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function parseLedger(text: string, itemId: string): Ledger {
  const [version, ...streams] = JSON.parse(text) as [number, ...StoredStream[]];
  if (version > rowVersion) throw new NewerRow(itemId, String(version), rowVersion);
  return new Map(
    streams.map(([id, position, ...parked]) => [
      id,
      {
        position: BigInt(position),
        parked: parked.map(([v, fingerprint, carried]) => ({ version: BigInt(v), fingerprint, carried })),
      },
    ]),
  );
}
