import { beginOwn } from '../begin.js';
import type { OutboxNames } from './names.js';
import type { RelayConnection } from './port.js';
import { eventColumns, storedEvent, type StoredRow } from './stored-event.js';
import { laneCount } from './names.js';

/** An event that polling has to send. */
export interface UnsentEvent extends StoredRow {
  readonly lane: number;
  /** Decimal digits. */
  readonly position: string;
}

export interface BatchSize {
  readonly events: number;
  readonly bytes: number;
}

/** For how long a statement, and the silence between two, may hold what the transaction has locked. */
const timeouts = 'SET LOCAL statement_timeout = 10000; SET LOCAL idle_in_transaction_session_timeout = 60000';

/** Begins a transaction that gives up by itself what it holds. `SET LOCAL` does not pin a connection of RDS Proxy. */
export async function begin(connection: RelayConnection): Promise<void> {
  await connection.query(`${beginOwn}; ${timeouts}`);
}

/**
 * Locks lanes in which something waits, until the transaction ends: no session lock, which would pin a connection of
 * RDS Proxy and outlive its relay there.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
 */
export async function claimLanes(
  connection: RelayConnection,
  { unsent, laneLock }: OutboxNames,
  most: number,
): Promise<number[]> {
  const { rows } = await connection.query(
    `WITH busy AS MATERIALIZED (
       SELECT lane FROM generate_series(0, ${laneCount - 1}) AS lane
       CROSS JOIN LATERAL (SELECT FROM ${unsent} u WHERE u.lane = lane.lane LIMIT 1) AS any_one
       ORDER BY random())
     SELECT lane FROM busy WHERE pg_try_advisory_xact_lock($1, lane) LIMIT $2`,
    [laneLock, most],
  );
  return rows.map(({ lane }) => Number(lane));
}

/**
 * The oldest unsent events of locked lanes, those of an aggregate in the order of its versions and beginning with the
 * one after the last that was sent: counts are numbered under a lock, so what is visible has no gaps, and what was
 * sent is gone from the table. Streams that are stuck are somebody else's.
 *
 * It must be a statement after the one that took the locks: the marks of who had them before are visible only to it.
 */
export async function readUnsent(
  connection: RelayConnection,
  { unsent, events, stuck }: OutboxNames,
  lanes: readonly number[],
  { events: most, bytes }: BatchSize,
): Promise<UnsentEvent[]> {
  const { rows } = await connection.query(
    `SELECT u.lane, u.position::text AS position, ${eventColumns('o')}
     FROM unnest($1::smallint[]) AS locked (lane)
     CROSS JOIN LATERAL (
       SELECT taken.* FROM (
         SELECT w.*, sum(w.bytes) OVER (ORDER BY w.position) - w.bytes AS before FROM ${unsent} w
         WHERE w.lane = locked.lane AND NOT EXISTS (SELECT FROM ${stuck} s WHERE s.stream = w.stream)
         ORDER BY w.position LIMIT $2) AS taken
       WHERE taken.before < $3) AS u
     JOIN ${events} o ON o.stream = u.stream AND o.version = u.version AND o.created = u.created
     ORDER BY u.position`,
    [lanes, Math.max(1, Math.ceil(most / lanes.length)), Math.ceil(bytes / lanes.length)],
  );
  return rows.map((row) => ({
    ...storedEvent(row),
    lane: Number(row['lane']),
    position: String(row['position']),
  }));
}

/** Marks events as sent to every target that wants them. */
export async function markSent(
  connection: RelayConnection,
  { unsent }: OutboxNames,
  sent: readonly UnsentEvent[],
): Promise<void> {
  if (sent.length === 0) return;
  await connection.query(
    `DELETE FROM ${unsent} u USING unnest($1::smallint[], $2::bigint[]) AS sent (lane, position)
     WHERE u.lane = sent.lane AND u.position = sent.position`,
    [sent.map(({ lane }) => lane), sent.map(({ position }) => position)],
  );
}
