import { NewerRow } from '../dedup/errors.js';
import { rowVersion } from './receipts.js';
import type { PostgresTx } from './transaction.js';

/** The state that is about to act, of an entity that has others. */
export interface State {
  /** Stable name of whose watermarks they are. */
  readonly consumer: string;
  /** Of what it is the state. */
  readonly id: string;
  /** Numbers are compared as numbers, text as its bytes; one of the other kind is never later. */
  readonly version: number | bigint | string;
}

const take = `INSERT INTO exactly_once.watermarks AS w (consumer, id, number, text) VALUES ($1, $2, $3::numeric, $4::text)
ON CONFLICT (consumer, id) DO UPDATE SET number = excluded.number, text = excluded.text
WHERE w.v <= ${rowVersion} AND (w.number <= excluded.number OR w.text <= excluded.text) RETURNING 1`;

const versionOf = 'SELECT v FROM exactly_once.watermarks WHERE consumer = $1 AND id = $2';

/**
 * Takes note of a state in the transaction of its effects, unless a later one is known.
 *
 * @returns whether it is the latest.
 * @throws NewerRow when a newer version of this library wrote the watermark (R17).
 */
export async function takeState(tx: PostgresTx, { consumer, id, version }: State): Promise<boolean> {
  const [number, text] = typeof version === 'string' ? [null, version] : [String(version), null];
  if ((await tx.query(take, [consumer, id, number, text])).rowCount > 0) return true;
  const v = Number((await tx.query(versionOf, [consumer, id])).rows[0]?.v ?? rowVersion);
  if (v > rowVersion) throw new NewerRow(`watermark ${id}`, String(v), rowVersion);
  return false;
}
