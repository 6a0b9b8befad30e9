import { NewerRow } from './errors.js';
import { rowVersion } from '../dynamodb/receipt.js';

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
  /** Versions up to the position that have not acted: passed over, and dead-lettered. Each may act once yet (R4). */
  readonly holes?: readonly bigint[];
  /** The version after the position is dead-lettered, and the stream stands still until it comes again or is passed over (R23). */
  readonly stopped?: boolean;
}

/** Ledgers with holes or stops; those without are written as the first version, so that older runtimes read them. */
const holesVersion = 2;

/** By stream id. A Map, because a source may be called `__proto__`. */
export type Ledger = ReadonlyMap<string, Stream>;

type StoredParked = readonly (readonly [string, string, string])[];
type StoredStream = readonly [id: string, position: string, ...parked: StoredParked];
type StreamWithHoles = readonly [
  id: string,
  position: string,
  holes: readonly string[],
  stopped: boolean,
  ...parked: StoredParked,
];

/**
 * The ledger as one text attribute. Text, because versions have up to 40 digits, and source names may hold what DynamoDB's
 * document paths and JavaScript's objects treat as special.
 */
export function ledgerText(ledger: Ledger): string {
  const plain = [...ledger.values()].every(({ holes = [], stopped }) => holes.length === 0 && !stopped);
  const streams = [...ledger].map(
    ([id, { position, parked, holes = [], stopped = false }]): StoredStream | StreamWithHoles => {
      const texts = parked.map(
        ({ version, fingerprint, carried }) => [version.toString(), fingerprint, carried] as const,
      );
      if (plain) return [id, position.toString(), ...texts];
      return [id, position.toString(), holes.map(String), stopped, ...texts];
    },
  );
  return JSON.stringify([plain ? rowVersion : holesVersion, ...streams]);
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function parseLedger(text: string, itemId: string): Ledger {
  const [version, ...streams] = JSON.parse(text) as [number, ...unknown[]];
  if (version > holesVersion) throw new NewerRow(itemId, String(version), holesVersion);
  if (version === holesVersion)
    return new Map(
      (streams as StreamWithHoles[]).map(([id, position, holes, stopped, ...parked]) => [
        id,
        { ...streamOf(position, parked), holes: holes.map(BigInt), stopped },
      ]),
    );
  return new Map(
    (streams as StoredStream[]).map(([id, position, ...parked]) => [id, streamOf(position, parked)]),
  );
}

function streamOf(position: string, parked: StoredParked): Stream {
  return {
    position: BigInt(position),
    parked: parked.map(([v, fingerprint, carried]) => ({ version: BigInt(v), fingerprint, carried })),
  };
}
