import { NewerRow } from './errors.js';

/**
 * An event that came before its predecessors: kept until the gap closes, in the aggregate's own item or in a row
 * beside it.
 */
export interface Parked {
  readonly version: bigint;
  /** The version before it that its consumer is sent. @default - `version` - 1 */
  readonly previous?: bigint;
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
  /** Which it is that is dead-lettered. @default - the version after the position */
  readonly stoppedAt?: bigint;
  /** What the latest versions up to the position said: see `marks.ts`. */
  readonly marks?: string;
  /** The highest place at which there is a parked row: see `slotOf`. Undefined: none above the position. */
  readonly beyond?: bigint;
  /** Epoch seconds since when events have waited at this position. Undefined: nothing waits. */
  readonly since?: number;
  /** The gap behind the position is on the list of gaps. */
  readonly listed?: boolean;
}

/** By stream id. A Map, because a source may be called `__proto__`. */
export type Ledger = ReadonlyMap<string, Stream>;

/**
 * 1: position and parked events. 2: holes and stops too. 3: everything that is optional by name. 4: events that do
 * not follow the version before theirs. This runtime reads all and writes the last, or 3 where that says the same;
 * one that knows only earlier ones waits (R17).
 */
const ledgerVersion = 4;

type StoredParked = readonly (readonly [
  version: string,
  fingerprint: string,
  carried: string,
  previous?: string,
])[];
interface StoredMore {
  readonly h?: readonly string[];
  readonly s?: true;
  readonly a?: string;
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
  const stored: Stored3[] = [];
  let version = 3;
  for (const [id, { position, parked, holes, stopped, stoppedAt, marks, beyond, since, listed }] of ledger) {
    if (stoppedAt !== undefined || parked.some(({ previous }) => previous !== undefined))
      version = ledgerVersion;
    stored.push([
      id,
      String(position),
      {
        ...(holes?.length && { h: holes.map(String) }),
        ...(stopped && { s: true }),
        ...(stoppedAt !== undefined && { a: String(stoppedAt) }),
        ...(marks && { m: marks }),
        ...(beyond !== undefined && { b: String(beyond) }),
        ...(since !== undefined && { t: since }),
        ...(listed && { l: true }),
      },
      ...parked.map(
        ({ version: of, fingerprint, carried, previous }) =>
          [
            String(of),
            fingerprint,
            carried,
            ...(previous === undefined ? ([] as const) : ([String(previous)] as const)),
          ] as const,
      ),
    ]);
  }
  return JSON.stringify([version, ...stored]);
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

function streamOf(position: string, { h, s, a, m, b, t, l }: StoredMore, parked: StoredParked): Stream {
  return {
    position: BigInt(position),
    parked: parked.map(([v, fingerprint, carried, previous]) => ({
      version: BigInt(v),
      fingerprint,
      carried,
      ...(previous !== undefined && { previous: BigInt(previous) }),
    })),
    ...(h?.length && { holes: h.map(BigInt) }),
    ...(s && { stopped: true }),
    ...(a !== undefined && { stoppedAt: BigInt(a) }),
    ...(m !== undefined && { marks: m }),
    ...(b !== undefined && { beyond: BigInt(b) }),
    ...(t !== undefined && { since: t }),
    ...(l && { listed: true }),
  };
}
