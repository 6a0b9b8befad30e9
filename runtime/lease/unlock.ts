import type { LeaseRow } from '../dedup/lease-store.js';
import type { LeaseTable } from '../dynamodb/blocked-effects.js';
import { DynamoLeaseStore } from '../dynamodb/lease-store.js';
import { unlockIn, type UnlockOrder } from './unlock-in.js';

/** {@link unlockIn} on a dedup table. */
export async function unlock(table: LeaseTable, order: UnlockOrder): Promise<LeaseRow> {
  const { retentionSeconds } = order;
  return unlockIn(new DynamoLeaseStore({ ...table, retentionSeconds }), table.tableName, order);
}
