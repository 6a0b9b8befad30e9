import type { ClientConfig } from 'pg';
import { importPg } from './packages.js';
import { lsnNumber } from './lsn.js';
import { using, type RelayConnection, type RelayPool } from './port.js';
import type { LogIdentity, Position } from './position.js';

/** A replication slot, as the server tells. */
export interface Slot {
  /** A commit of which the server needs to send nothing again. */
  readonly confirmed: string | undefined;
  readonly active: boolean;
  /** Why it can never be read again; undefined: it can. */
  readonly lost: string | undefined;
}

/**
 * Why the last days are sent once more before the stream goes on (R36).
 *
 * - `new-slot`: there was none, or nothing was ever sent from it.
 * - `lost-slot`: the server has invalidated it: it was idle for too long, or too far behind.
 * - `other-log`: the position is of another cluster or timeline: a restore, a failover.
 * - `slot-ahead`: the server has confirmed more than was sent. It would begin there in silence.
 */
export type ResendReason = 'new-slot' | 'lost-slot' | 'other-log' | 'slot-ahead';

/** @see https://www.postgresql.org/docs/current/view-pg-replication-slots.html */
export async function readSlot(connection: RelayConnection, slot: string): Promise<Slot | undefined> {
  // Postgres 15 and 16 do not have all of the columns.
  const { rows } = await connection.query(
    `SELECT active, confirmed_flush_lsn::text AS confirmed, coalesce(
       to_jsonb(s)->>'invalidation_reason',
       CASE WHEN wal_status = 'lost' THEN 'wal_removed' WHEN to_jsonb(s)->>'conflicting' = 'true' THEN 'conflicting' END) AS lost
     FROM pg_replication_slots s WHERE slot_name = $1 AND database = current_database()`,
    [slot],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    confirmed: typeof row['confirmed'] === 'string' ? row['confirmed'] : undefined,
    active: row['active'] === true,
    lost: typeof row['lost'] === 'string' ? row['lost'] : undefined,
  };
}

/**
 * Makes a slot. Postgres waits for every transaction of the cluster that has written and not ended, as for every new
 * slot; nothing is sent meanwhile.
 *
 * @param signal gives up
 */
export async function createSlot(
  pool: RelayPool,
  slot: string,
  failover: boolean,
  signal: AbortSignal,
): Promise<void> {
  await using(pool, async (connection) => {
    const { rows } = await connection.query('SELECT pg_backend_pid() AS pid');
    const giveUp = () =>
      void using(pool, async (other) =>
        other.query('SELECT pg_cancel_backend($1)', [rows[0]?.['pid']]),
      ).catch(() => undefined);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (signal.aborted) return;
      await connection.query(
        `SELECT pg_create_logical_replication_slot($1, 'pgoutput'${failover ? ', failover => true' : ''})`,
        [slot],
      );
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  });
}

export async function dropSlot(connection: RelayConnection, slot: string): Promise<void> {
  await connection.query('SELECT pg_drop_replication_slot($1)', [slot]);
}

/** Undefined: the stream goes on where it was. A slot that has no `confirmed` yet has not been read. */
export function reasonToResend(
  slot: Slot | undefined,
  position: Position | undefined,
  log: LogIdentity,
): ResendReason | undefined {
  if (slot === undefined) return 'new-slot';
  if (slot.lost !== undefined) return 'lost-slot';
  if (position === undefined) return 'new-slot';
  if (position.systemId !== log.systemId || position.timeline !== log.timeline) return 'other-log';
  // Both are ends of commits.
  if (lsnNumber(slot.confirmed ?? '0/0') > lsnNumber(position.end)) return 'slot-ahead';
  return undefined;
}

/** Which log the server writes. */
export async function identifyLog(config: ClientConfig): Promise<LogIdentity> {
  const { Client } = await importPg();
  const client = new Client({ ...config, replication: 'database' } as ClientConfig);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ systemid: string; timeline: number }>('IDENTIFY_SYSTEM');
    return { systemId: String(rows[0]?.systemid), timeline: String(rows[0]?.timeline) };
  } finally {
    await client.end();
  }
}
