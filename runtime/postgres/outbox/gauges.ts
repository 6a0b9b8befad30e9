import { laneCount, outboxNames } from './names.js';
import { within } from '../own-statement.js';
import type { SqlPort } from '../sql-port.js';

/** How the outbox stands. */
export interface OutboxGauges {
  /** Age of the oldest event that polling has to send, or that a stuck stream waits with, in seconds; 0: none. */
  readonly oldestUnsentSeconds: number;
  readonly stuckStreams: number;
}

export async function outboxGauges(port: SqlPort, schema?: string): Promise<OutboxGauges> {
  const { unsent, stuck } = outboxNames(schema);
  const { rows } = await within(
    port,
    `SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
         (SELECT min(first.created) FROM generate_series(0, ${laneCount - 1}) AS lane
          CROSS JOIN LATERAL (SELECT created FROM ${unsent} u WHERE u.lane = lane.lane ORDER BY position LIMIT 1) AS first),
         (SELECT min(oldest) FROM ${stuck}))), 0)::float8 AS oldest,
       (SELECT count(DISTINCT stream) FROM ${stuck})::int AS stuck`,
    [],
  );
  return {
    oldestUnsentSeconds: Math.max(0, Number(rows[0]?.['oldest'])),
    stuckStreams: Number(rows[0]?.['stuck']),
  };
}

/** How a replication slot stands. */
export interface SlotGauges {
  /** Log that the server keeps for it, in bytes. */
  readonly lagBytes: number;
  /** Time since a commit that was sent, a heartbeat's included, in seconds; 0: nothing was sent from it yet. */
  readonly lagSeconds: number;
  /** Bytes until the server gives it up; undefined: `max_slot_wal_keep_size` has no limit. */
  readonly safeBytes: number | undefined;
  /** It exists, and the server has not given it up. */
  readonly usable: boolean;
}

/** @see https://www.postgresql.org/docs/current/view-pg-replication-slots.html */
export async function slotGauges(port: SqlPort, slot: string, schema?: string): Promise<SlotGauges> {
  const { positions } = outboxNames(schema);
  const { rows } = await within(
    port,
    `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::float8 AS lag, s.safe_wal_size::float8 AS safe,
       s.slot_name IS NOT NULL AND s.wal_status <> 'lost' AS usable,
       (SELECT extract(epoch FROM clock_timestamp() - committed_at)::float8 FROM ${positions} WHERE slot = $1) AS seconds
     FROM (SELECT) AS one LEFT JOIN pg_replication_slots s ON s.slot_name = $1`,
    [slot],
  );
  const { lag, safe, usable, seconds } = rows[0] ?? {};
  return {
    lagBytes: Number(lag ?? 0),
    lagSeconds: Math.max(0, Number(seconds ?? 0)),
    safeBytes: typeof safe === 'number' ? safe : undefined,
    usable: usable === true,
  };
}
