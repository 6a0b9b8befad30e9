import { ExactlyOnceError } from '../dedup/errors.js';
import { keyHash } from '../dedup/key-hash.js';
import { isLease, leaseId, type LeaseRow, type LeaseStore } from '../dedup/lease-store.js';

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
    super(`the effect with the key hash ${keyHash(leaseId)} is not unlocked: ${problem}`);
  }
}

/**
 * Records what a person found out about an effect whose outcome was unknown, or the result of one that has happened
 * and whose result was lost. An owner who is alive after all is refused from then on.
 *
 * @param where the name of the table, for an error
 * @returns the row as it was.
 * @throws NotUnlocked when there is no such row, it is no lease (a receipt, a job, a group), its outcome is known,
 *   its lease is not over, or it changed meanwhile.
 * @throws UnserialisableValue when the result cannot be stored.
 */
export async function unlockIn(
  store: LeaseStore,
  where: string,
  order: Omit<UnlockOrder, 'retentionSeconds'>,
): Promise<LeaseRow> {
  const { effect, outcome, reason, maxClockSkewSeconds = 60, dryRun = false } = order;
  const id = 'id' in effect ? effect.id : leaseId(effect.consumerName, effect.effectName, effect.key);
  const row = await store.read(id);
  if (row === undefined) throw new NotUnlocked(id, `table '${where}' has no such row`);
  if (!isLease(row)) throw new NotUnlocked(id, 'the row is no lease; list the blocked effects');
  if (row.lost !== undefined && outcome.kind === 'not-done')
    throw new NotUnlocked(id, 'it has happened, and only its result is lost; say `done`, with the result');
  if ((row.status === 'COMPLETED' && row.lost === undefined) || row.status === 'FREE')
    throw new NotUnlocked(id, `its outcome is known (${row.status})`);
  const over = (row.endsAt || row.expiration * 1000) + maxClockSkewSeconds * 1000;
  if (row.lost === undefined && row.status !== 'UNKNOWN' && store.now() < over)
    throw new NotUnlocked(id, `its owner may be at work until ${new Date(over).toISOString()}`);
  if (!dryRun && !(await store.unlock(row, outcome, reason)))
    throw new NotUnlocked(id, 'it changed while it was looked at; look again');
  return row;
}
