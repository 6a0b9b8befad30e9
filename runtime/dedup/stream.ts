import type { Ledger, Parked, Stream } from './ledger.js';
import { withLateMark, withMark } from './marks.js';

/**
 * How far ahead an event may be parked in the item. A window, not first come: so that the nearest versions always
 * find room.
 */
export const parkingWindow = 64n;
/** How many bytes may be parked in one aggregate's item. */
export const parkingBytes = 100 * 1024;
/** How far beyond that window an event may be parked in a row of its own. */
export const parkingRows = 10_000n;
/** How many bytes one such row holds. DynamoDB: 400 KB an item. */
export const parkingRowBytes = 390 * 1024;
/**
 * Holes that are remembered of one stream, the latest. An older one counts as acted: a dead letter of it that is
 * redriven is taken for a duplicate.
 */
export const maxHoles = 1_000;

/**
 * The stream after a version has acted, or was passed over. Whatever acts at the position makes a stopped stream go
 * on.
 *
 * @param fingerprint of what acted; undefined: it was passed over; null: the stream keeps no marks.
 */
export function movedTo(
  { position, marks, beyond, parked, holes }: Stream,
  version: bigint,
  fingerprint: string | undefined | null,
  now: number,
): Stream {
  const later = parked[0]?.version === version ? parked.slice(1) : parked.filter((p) => p.version > version);
  const rows = beyond !== undefined && beyond > version ? beyond : undefined;
  return {
    position: version,
    parked: later,
    ...(holes && { holes }),
    ...(fingerprint !== null && { marks: withMark(marks, fingerprint, version - position - 1n) }),
    ...(rows !== undefined && { beyond: rows }),
    ...((rows !== undefined || later.length > 0) && { since: now }),
  };
}

export function withHole(stream: Stream, version: bigint): Stream {
  return { ...stream, holes: [...(stream.holes ?? []), version].slice(-maxHoles) };
}

/** A hole has acted. */
export function withoutHole({ holes = [], ...stream }: Stream, version: bigint, fingerprint: string): Stream {
  const marks = withLateMark(stream.marks, stream.position - version, fingerprint);
  return { ...stream, ...(marks && { marks }), holes: holes.filter((hole) => hole !== version) };
}

export function withParked(stream: Stream, event: Parked, now: number): Stream {
  const at = stream.parked.findIndex(({ version }) => version > event.version);
  const parked = stream.parked.toSpliced(at < 0 ? stream.parked.length : at, 0, event);
  return { ...stream, parked, since: stream.since ?? now };
}

/**
 * The place of an event: right behind the one before it that its consumer is sent. Without a `previous` the version
 * itself. Where the stream stands at that place or beyond, it is the event's turn.
 */
export function slotOf({
  version,
  previous,
}: {
  readonly version: bigint;
  readonly previous?: bigint;
}): bigint {
  return previous === undefined || previous >= version ? version : previous + 1n;
}

/** Something is parked, and it is not the turn of it yet. */
export function isWaiting({ position, parked, beyond }: Stream): boolean {
  return beyond !== undefined || (parked[0] !== undefined && slotOf(parked[0]) > position + 1n);
}

export function parkedBytes(ledger: Ledger): number {
  let bytes = 0;
  for (const { parked } of ledger.values()) for (const event of parked) bytes += bytesOf(event);
  return bytes;
}

export function bytesOf({ fingerprint, carried }: Parked): number {
  return Buffer.byteLength(carried) + fingerprint.length + 50;
}
