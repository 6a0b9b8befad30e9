import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { sequence } from '../dedup/sequence.js';
import { batchGet } from '../dynamodb/batch-get.js';
import type { OutboxAccess } from './outbox-access.js';
import type { OutboxRow } from './event-row.js';

/** A place in a stream. */
export interface Place {
  readonly stream: string;
  readonly version: bigint;
}

/** What a row tells of what was sent. */
export interface Mark {
  readonly first: boolean;
  readonly sent: boolean;
  readonly expires: boolean;
}

/** What of a row the marks are in. */
export const markAttributes = ['stream', 'version', 'first', 'sent', 'expiration', 'sentAt', 'v'];

export function placeId({ stream, version }: Place): string {
  return `${stream}\n${version}`;
}

/**
 * Reads the marks of rows, by {@link placeId}. Those that are not there are left out: absence is to be believed only
 * if consistent.
 */
export async function readMarks(
  { client, table, limits }: OutboxAccess,
  places: readonly Place[],
  consistent: boolean,
): Promise<Map<string, Mark>> {
  const keys = new Map(places.map((place) => [placeId(place), keyOf(place)]));
  const items = await batchGet(client, table, [...keys.values()], limits, consistent, markAttributes);
  return new Map(items.map((item) => [placeId(placeOf(item)), markOf(item)]));
}

export function keyOf({ stream, version }: Place): Record<string, AttributeValue> {
  return { stream: { S: stream }, version: { S: sequence(String(version)) } };
}

function placeOf({ stream, version }: Record<string, AttributeValue>): Place {
  return { stream: stream?.S ?? '', version: BigInt(version?.S ?? 0) };
}

/** Rows of the first release have a mark of their own on themselves, which says nothing of the row behind them. */
export function markOf(item: Record<string, AttributeValue>): Mark {
  const { version, first, sent, expiration, sentAt, v } = item;
  if (v?.N === '1') return { first: true, sent: (sentAt ?? sent) !== undefined, expires: false };
  return {
    first: first !== undefined || BigInt(version?.S ?? 0) === 1n,
    sent: sent !== undefined,
    expires: expiration !== undefined,
  };
}

/**
 * Whether a row is known to be sent: its predecessor may expire, or has expired; the first of a stream says it
 * itself.
 *
 * @param itself the row, undefined when it is not there: then nothing is known of it
 * @param previous the row before it, undefined when it is not there
 */
export function isKnownSent(itself: Mark | undefined, previous: Mark | undefined): boolean {
  if (itself?.first === true) return itself.sent;
  return previous === undefined ? itself !== undefined : previous.expires;
}

/**
 * Which of the rows everything before is known to be sent of, in their streams. Costs nothing for first rows, half a
 * read unit for others, and 2 more for those whose mark does not show at once.
 */
export async function withoutGap(access: OutboxAccess, rows: readonly OutboxRow[]): Promise<Set<OutboxRow>> {
  const clear = new Set(rows.filter(({ first }) => first));
  const others = rows.filter(({ first }) => !first);
  // The mark of the row before is on the one before that, or on itself when it is the first.
  const quick = others.map(({ stream, version }) => ({ stream, version: version > 2n ? version - 2n : 1n }));
  const shown = await readMarks(access, quick, false);
  const unclear = others.filter((row, i) => {
    const mark = shown.get(placeId(quick[i] ?? row));
    if (row.version === 2n ? mark?.sent !== true : mark?.expires !== true) return true;
    clear.add(row);
    return false;
  });
  const sent = await knownSent(
    access,
    unclear.map(({ stream, version }) => ({ stream, version: version - 1n })),
  );
  for (const row of unclear)
    if (sent.get(placeId({ stream: row.stream, version: row.version - 1n })) !== false) clear.add(row);
  return clear;
}

/**
 * Whether the rows at these places are known to be sent, consistently; `undefined` for one that is not there, with
 * none before it.
 */
export async function knownSent(
  access: OutboxAccess,
  places: readonly Place[],
): Promise<Map<string, boolean | undefined>> {
  const previous = ({ stream, version }: Place): Place => ({ stream, version: version - 1n });
  const read = await readMarks(
    access,
    places.flatMap((place) => (place.version > 1n ? [place, previous(place)] : [place])),
    true,
  );
  return new Map(
    places.map((place) => {
      const [itself, before] = [read.get(placeId(place)), read.get(placeId(previous(place)))];
      const nothing = itself === undefined && before === undefined;
      return [placeId(place), nothing ? undefined : isKnownSent(itself, before)];
    }),
  );
}

/**
 * The first version of a stream that is not known to be sent, below a version that is not. Found by halving: costs
 * 2 read units per step, and 2 steps each time that the stream's unsent part doubles.
 *
 * @param unsent a version that is not known to be sent
 */
export async function firstUnsent(access: OutboxAccess, { stream, version: unsent }: Place): Promise<bigint> {
  const isSent = async (version: bigint): Promise<boolean> => {
    const known = await knownSent(access, [{ stream, version }]);
    // What is not there has been sent and has expired, or was never in this table.
    return known.get(placeId({ stream, version })) !== false;
  };
  let [sent, high] = [0n, unsent];
  for (let step = 1n; ; step *= 2n) {
    const probe = unsent - step;
    if (probe <= 0n) break;
    if (await isSent(probe)) {
      sent = probe;
      break;
    }
    high = probe;
  }
  while (high - sent > 1n) {
    const middle = (sent + high) / 2n;
    if (await isSent(middle)) sent = middle;
    else high = middle;
  }
  return high;
}
