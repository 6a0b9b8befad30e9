import type { Progress } from '../../outbox/deliver.js';
import type { OutboxNames } from './names.js';
import { laneCount, stuckLock } from './names.js';
import type { RelayConnection } from './port.js';

/** A stream that does not go on by itself at some target, as it is listed. */
export interface StuckEntry {
  readonly streamId: string;
  readonly target: string;
  /** What it is to be sent next. */
  readonly next: bigint;
  /** Highest version that was passed over because the stream is listed. */
  readonly seen: bigint;
  readonly attempts: number;
  /** It is time for it to be tried. */
  readonly due: boolean;
}

/** What became of a stream that is to be listed, or is. */
export interface StuckProgress {
  readonly streamId: string;
  readonly reached: ReadonlyMap<string, Progress>;
  /** Targets whose time had not come: what is written of them stays as it is. @default - none */
  readonly waiting?: ReadonlySet<string>;
  /** Highest version that was read of it. */
  readonly seen: bigint;
  /** Epoch milliseconds of the first event that not every target has. */
  readonly oldest: number;
  readonly attempts: ReadonlyMap<string, number>;
}

/**
 * Time until a target that refused is asked again, doubled each time, and until one that did not gets what is new.
 */
const again = { firstMs: 1_000, mostMs: 60_000, freshMs: 500 };
/** Of streams in one go. */
const mostStreams = 50;
/** In the list of stuck streams, until a relay has written down its own targets: all of them. */
export const everyTarget = 'sent again';

/** Lists streams, each with the next version of every target (R31: it waits at the one that refuses, alone). */
export async function writeStuck(
  connection: RelayConnection,
  { stuck }: OutboxNames,
  streams: readonly StuckProgress[],
): Promise<void> {
  const entries = streams.flatMap(({ streamId, reached, waiting, seen, oldest, attempts }) =>
    [...reached].flatMap(([target, { next, failure }]) => {
      if (waiting?.has(target) === true) return [];
      const tried = failure === undefined ? 0 : (attempts.get(target) ?? 0) + 1;
      const backoff = Math.min(again.mostMs, again.firstMs * 2 ** Math.min(20, tried - 1));
      return {
        ...{
          streamId,
          target,
          next: String(next),
          seen: String(seen),
          oldest: new Date(oldest).toISOString(),
          tried,
        },
        waitMs: failure === undefined ? again.freshMs : backoff * (0.5 + Math.random() / 2),
        // Its name only: a message may quote what it is about (R59).
        error: failure === undefined ? null : nameOf(failure.error),
      };
    }),
  );
  if (entries.length === 0) return;
  await connection.query(
    `INSERT INTO ${stuck} AS s (stream, target, lane, next, seen, oldest, attempts, retry_at, error)
     SELECT stream, target, hashint8(stream) & ${laneCount - 1}, next, seen, oldest, attempts,
       clock_timestamp() + wait * interval '1 millisecond', error
     FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::int[], $7::float8[], $8::text[])
       AS given (stream, target, next, seen, oldest, attempts, wait, error)
     ON CONFLICT (stream, target) DO UPDATE SET next = excluded.next, seen = greatest(s.seen, excluded.seen),
       oldest = excluded.oldest, attempts = excluded.attempts, retry_at = excluded.retry_at, error = excluded.error`,
    [
      entries.map(({ streamId }) => streamId),
      entries.map(({ target }) => target),
      entries.map(({ next }) => next),
      entries.map(({ seen }) => seen),
      entries.map(({ oldest }) => oldest),
      entries.map(({ tried }) => tried),
      entries.map(({ waitMs }) => waitMs),
      entries.map(({ error }) => error),
    ],
  );
}

/**
 * Locks stuck streams that are due, until the transaction ends. By an advisory lock: with a row lock, whoever lists
 * what it passed over would wait for the slowest target.
 */
export async function claimStuck(
  connection: RelayConnection,
  { stuck, laneLock }: OutboxNames,
): Promise<Map<string, StuckEntry[]>> {
  const { rows: claimed } = await connection.query(
    `WITH due AS MATERIALIZED (
       SELECT stream FROM ${stuck} WHERE retry_at <= clock_timestamp() GROUP BY stream ORDER BY min(retry_at) LIMIT ${2 * mostStreams})
     SELECT stream::text AS stream FROM due
     WHERE pg_try_advisory_xact_lock($1, ${stuckLock('stream')}) LIMIT ${mostStreams}`,
    [laneLock],
  );
  const streams = claimed.map(({ stream }) => stream);
  const entries = new Map<string, StuckEntry[]>();
  if (streams.length === 0) return entries;
  const { rows } = await connection.query(
    `SELECT stream::text AS stream, target, next::text AS next, seen::text AS seen, attempts,
       retry_at <= clock_timestamp() AS due FROM ${stuck} WHERE stream = ANY($1::bigint[])`,
    [streams],
  );
  for (const row of rows) {
    const streamId = String(row['stream']);
    const entry = {
      ...{
        streamId,
        target: String(row['target']),
        attempts: Number(row['attempts']),
        due: row['due'] === true,
      },
      ...{ next: BigInt(String(row['next'])), seen: BigInt(String(row['seen'])) },
    };
    entries.set(streamId, [...(entries.get(streamId) ?? []), entry]);
  }
  return entries;
}

/**
 * Forgets that streams are to be sent again to every target: each of them has a place of its own by now. Who lists
 * streams would be shown a target that there is not, and who passes over an event would pass over it there.
 */
export async function nameTargets(
  connection: RelayConnection,
  { stuck }: OutboxNames,
  streams: readonly string[],
): Promise<void> {
  await connection.query(
    `DELETE FROM ${stuck} WHERE stream = ANY($1::bigint[]) AND target = '${everyTarget}'`,
    [streams],
  );
}

/**
 * Takes streams off the list whose targets all have everything up to `next`, unless more was passed over meanwhile.
 */
export async function removeStuck(
  connection: RelayConnection,
  { stuck }: OutboxNames,
  streams: readonly { readonly streamId: string; readonly next: bigint }[],
): Promise<void> {
  if (streams.length === 0) return;
  await connection.query(
    `DELETE FROM ${stuck} s USING unnest($1::bigint[], $2::bigint[]) AS done (stream, next)
     WHERE s.stream = done.stream AND s.seen < done.next`,
    [streams.map(({ streamId }) => streamId), streams.map(({ next }) => String(next))],
  );
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
