import type { OutboxNames } from './names.js';
import { lsnNumber } from './lsn.js';
import type { RelayConnection } from './port.js';

/** Which log a place is in: places of two are never compared (R2, R6). */
export interface LogIdentity {
  readonly systemId: string;
  /** Decimal digits. */
  readonly timeline: string;
}

/** How far a slot was sent, durably. */
export interface Position extends LogIdentity {
  /** End of the commit record of the last transaction that was sent whole. */
  readonly end: string;
  /** A transaction that was sent in part: it is known by the beginning of its commit record, which is its own. */
  readonly partial?: { readonly commit: string; readonly ordinal: number };
}

/** Undefined: the slot has none. */
export async function readPosition(
  connection: RelayConnection,
  { positions }: OutboxNames,
  slot: string,
): Promise<Position | undefined> {
  const { rows } = await connection.query(
    `SELECT system_id, timeline::text AS timeline, end_lsn::text AS end, partial_lsn::text AS partial,
       partial_ordinal::int AS ordinal FROM ${positions} WHERE slot = $1`,
    [slot],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { partial } = row;
  return {
    systemId: String(row['system_id']),
    timeline: String(row['timeline']),
    end: String(row['end']),
    ...(typeof partial === 'string' && { partial: { commit: partial, ordinal: Number(row['ordinal']) } }),
  };
}

/** Goes forward only, within one log: a relay that should be dead sets nothing back. @param at of the last commit */
export async function writePosition(
  connection: RelayConnection,
  { positions }: OutboxNames,
  slot: string,
  { systemId, timeline, end, partial }: Position,
  at: Date,
): Promise<void> {
  await connection.query(
    `INSERT INTO ${positions} AS p (slot, system_id, timeline, end_lsn, partial_lsn, partial_ordinal, committed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (slot) DO UPDATE SET system_id = excluded.system_id, timeline = excluded.timeline,
       end_lsn = excluded.end_lsn, partial_lsn = excluded.partial_lsn, partial_ordinal = excluded.partial_ordinal,
       committed_at = excluded.committed_at, updated = now()
     WHERE (p.system_id, p.timeline) <> (excluded.system_id, excluded.timeline) OR p.end_lsn <= excluded.end_lsn`,
    [slot, systemId, timeline, end, partial?.commit ?? null, partial?.ordinal ?? 0, at.toISOString()],
  );
}

/** Whether a transaction is the one that was sent in part. */
export function isPartOf(position: Position, commit: string): boolean {
  return position.partial !== undefined && lsnNumber(position.partial.commit) === lsnNumber(commit);
}
