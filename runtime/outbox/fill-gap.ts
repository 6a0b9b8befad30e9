import type { OutboxAccess } from './outbox-access.js';
import { firstUnsent } from './positions.js';
import { readRows } from './read-rows.js';
import type { OutboxRow } from './event-row.js';

/** Most rows that are filled in: what is further behind is left to the sweep. */
const mostFilled = 100;

export interface Filled {
  /** Where it begins. */
  readonly from: bigint;
  readonly rows: readonly OutboxRow[];
  /** The row that cannot be read, behind those that can. */
  readonly obstacle?: { readonly version: bigint; readonly error: unknown };
  /** How many are not sent, when they are too many to be filled in. */
  readonly unsent?: bigint;
}

/**
 * Fills in from the table what the table's stream has left out of a stream, before or among the rows that it brought.
 * A version that is not in the table is passed over: nobody can send it.
 *
 * @param before the version before which something is unsent; undefined: only what is missing among the rows
 */
export async function fillGap(
  access: OutboxAccess,
  stream: string,
  { rows, before }: { readonly rows: readonly OutboxRow[]; readonly before?: bigint },
): Promise<Filled> {
  const [head, last] = [rows[0], rows.at(-1)];
  const end = last?.version ?? before ?? 1n;
  const from =
    before === undefined ? (head?.version ?? 1n) : await firstUnsent(access, { stream, version: before });
  const read = await readRows(access, stream, from, mostFilled + rows.length);
  if (read.more && (read.rows.at(-1)?.version ?? 0n) < end) return { from, rows: [], unsent: end - from };
  const filled = read.rows.filter(({ version }) => version <= end);
  if (read.unreadable !== undefined && read.unreadable.version <= end)
    return { from, rows: filled, obstacle: read.unreadable };
  // The stream may be ahead of what a table that was put back holds.
  const there = new Set(filled.map(({ version }) => version));
  const missing = rows.filter(({ version }) => !there.has(version));
  return { from, rows: [...filled, ...missing].sort((a, b) => (a.version < b.version ? -1 : 1)) };
}
