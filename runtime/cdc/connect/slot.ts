import type { SqlClient } from '../pg-port.js';

/** How a replication slot stands. */
export interface SlotLook {
  /** 1: nobody reads it, it is not there, or the server has given it up. */
  readonly slotInactive: number;
  /** Log that the server keeps for it, in bytes. */
  readonly slotLagBytes: number;
}

/** @see https://www.postgresql.org/docs/current/view-pg-replication-slots.html */
export async function lookAtSlot(database: SqlClient, slot: string): Promise<SlotLook> {
  const { rows } = await database.query(
    `SELECT coalesce(s.active AND s.wal_status <> 'lost', false) AS active,
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::float8 AS lag
     FROM (SELECT) AS one LEFT JOIN pg_replication_slots s ON s.slot_name = $1`,
    [slot],
  );
  const { active, lag } = rows[0] ?? {};
  return { slotInactive: active === true ? 0 : 1, slotLagBytes: Math.max(0, Number(lag)) };
}
