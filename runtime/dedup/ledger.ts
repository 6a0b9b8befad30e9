import { NewerRow } from './errors.js';

/**
 * An event that came before its predecessors: kept until the gap closes, in the aggregate's own item or in a row
 * beside it.
 */
export interface Parked {
  readonly version: bigint;
  readonly fingerprint: string;
  /** All that is needed to handle it later, as text. No message is left in the queue for it. */
  readonly carried: string;
}

/** What an aggregate knows of one incarnation of one producer's stream (R2). */
export interface Stream {
  /** Every version up to this one has acted, or is a hole. */
  readonly position: bigint;
  /** Ascending, all above the position. */
  readonly parked: readonly Parked[];
  /** Versions up to the position that have not acted: passed over, and dead-lettered. Each may act once yet (R4). */
  readonly holes?: readonly bigint[];
  /**
   * The version after the position is dead-lettered, and the stream stands still until it comes again or is passed
   * over (R23).
   */
  readonly stopped?: boolean;
  /** What the latest versions up to the position said: see `marks.ts`. */
  readonly marks?: string;
  /** The highest version that is parked in a row of its own. Undefined: there are no rows above the position. */
  readonly beyond?: bigint;
  /** Epoch seconds since when events have waited at this position. Undefined: nothing waits. */
  readonly since?: number;
  /** The gap behind the position is on the list of gaps. */
  readonly listed?: boolean;
}

/** By stream id. A Map, because a source may be called `__proto__`. */
export type Ledger = ReadonlyMap<string, Stream>;

/**
 * 1: position and parked events. 2: holes and stops too. 3: everything that is optional by name. This runtime reads
 * all and writes the last; one that knows only earlier ones waits (R17).
 */
const ledgerVersion = 3;

type StoredParked = readonly (readonly [version: string, fingerprint: string, carried: string])[];
interface StoredMore {
  readonly h?: readonly string[];
  readonly s?: true;
  readonly m?: string;
  readonly b?: string;
  readonly t?: number;
  readonly l?: true;
}
type Stored1 = readonly [id: string, position: string, ...parked: StoredParked];
type Stored2 = readonly [
  id: string,
  position: string,
  holes: readonly string[],
  stopped: boolean,
  ...parked: StoredParked,
];
type Stored3 = readonly [id: string, position: string, more: StoredMore, ...parked: StoredParked];

/**
 * The ledger as one text attribute. Text, because versions have up to 40 digits, and source names may hold what
 * DynamoDB's document paths and JavaScript's objects treat as special.
 */
export function ledgerText(ledger: Ledger): string {
  const stored: (number | Stored3)[] = [ledgerVersion];
  for (const [id, { position, parked, holes, stopped, marks, beyond, since, listed }] of ledger)
    stored.push([
      id,
      String(position),
      {
        ...(holes?.length && { h: holes.map(String) }),
        ...(stopped && { s: true }),
        ...(marks && { m: marks }),
        ...(beyond !== undefined && { b: String(beyond) }),
        ...(since !== undefined && { t: since }),
        ...(listed && { l: true }),
      },
      ...parked.map(({ version, fingerprint, carried }) => [String(version), fingerprint, carried] as const),
    ]);
  return JSON.stringify(stored);
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function parseLedger(text: string, itemId: string): Ledger {
  const [version, ...streams] = JSON.parse(text) as [number, ...unknown[]];
  if (version > ledgerVersion) throw new NewerRow(itemId, String(version), ledgerVersion);
  if (version === 1)
    return new Map((streams as Stored1[]).map(([id, at, ...parked]) => [id, streamOf(at, {}, parked)]));
  if (version === 2)
    return new Map(
      (streams as Stored2[]).map(([id, at, h, stopped, ...parked]) => [
        id,
        streamOf(at, { h, ...(stopped && { s: true }) }, parked),
      ]),
    );
  return new Map((streams as Stored3[]).map(([id, at, more, ...parked]) => [id, streamOf(at, more, parked)]));
}

function streamOf(position: string, { h, s, m, b, t, l }: StoredMore, parked: StoredParked): Stream {
  return {
    position: BigInt(position),
    parked: parked.map(([v, fingerprint, carried]) => ({ version: BigInt(v), fingerprint, carried })),
    ...(h?.length && { holes: h.map(BigInt) }),
    ...(s && { stopped: true }),
    ...(m !== undefined && { marks: m }),
    ...(b !== undefined && { beyond: BigInt(b) }),
    ...(t !== undefined && { since: t }),
    ...(l && { listed: true }),
  };
}
