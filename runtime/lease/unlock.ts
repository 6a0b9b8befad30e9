import { ExactlyOnceError } from '../dedup/errors.js';
import { leaseId, type LeaseRow } from '../dedup/lease-store.js';
import { DynamoLeaseStore } from '../dynamodb/lease-store.js';
import type { LeaseTable } from '../dynamodb/blocked-effects.js';

export interface UnlockOrder {
  /** Which effect: that of a consumer's message, or any row of the table by its id (a Powertools key). */
  readonly effect:
    | { readonly consumerName: string; readonly effectName: string; readonly key: string }
    | { readonly id: string };
  /**
   * What was found out. `done`: it happened, and `result` is what its caller gets. `not-done`: it may be made again.
   */
  readonly outcome: { readonly kind: 'done'; readonly result: unknown } | { readonly kind: 'not-done' };
  /** Kept in the row: who found out what, and where. */
  readonly reason: string;
  /** How long an outcome is kept, in seconds. */
  readonly retentionSeconds: number;
  /** @default 60 */
  readonly maxClockSkewSeconds?: number;
  /** Only says whether it could be done. @default false */
  readonly dryRun?: boolean;
}

/** There is nothing to unlock, or somebody is at work. */
export class NotUnlocked extends ExactlyOnceError {
  override name = 'NotUnlocked';
  constructor(
    readonly leaseId: string,
    problem: string,
  ) {
    super(`'${leaseId}' is not unlocked: ${problem}`);
  }
}

/**
 * Records what a person found out about an effect whose outcome was unknown. An owner who is alive after all is
 * refused from then on.
 *
 * @returns the row as it was.
 * @throws NotUnlocked when there is no such row, its outcome is known, its lease is not over, or it changed
 *   meanwhile.
 */
export async function unlock(table: LeaseTable, order: UnlockOrder): Promise<LeaseRow> {
  const { effect, outcome, reason, retentionSeconds, maxClockSkewSeconds = 60, dryRun = false } = order;
  const id = 'id' in effect ? effect.id : leaseId(effect.consumerName, effect.effectName, effect.key);
  const store = new DynamoLeaseStore({ ...table, retentionSeconds });
  const row = await store.read(id);
  if (row === undefined) throw new NotUnlocked(id, `table '${table.tableName}' has no such row`);
  if (row.status === 'COMPLETED' || row.status === 'FREE')
    throw new NotUnlocked(id, `its outcome is known (${row.status})`);
  const over = (row.endsAt || row.expiration * 1000) + maxClockSkewSeconds * 1000;
  if (row.status !== 'UNKNOWN' && store.now() < over)
    throw new NotUnlocked(id, `its owner may be at work until ${new Date(over).toISOString()}`);
  if (!dryRun && !(await store.unlock(row, outcome, reason)))
    throw new NotUnlocked(id, 'it changed while it was looked at; look again');
  return row;
}
