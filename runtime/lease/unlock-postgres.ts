import type { LeaseRow } from '../dedup/lease-store.js';
import type { PostgresPool } from '../postgres/client.js';
import { PostgresLeaseStore } from '../postgres/lease-store.js';
import { unlockIn, type UnlockOrder } from './unlock-in.js';

/** {@link unlockIn} on the leases of a database: `listPostgresBlocked` lists those that wait for it. */
export async function unlockPostgres(pool: PostgresPool, order: UnlockOrder): Promise<LeaseRow> {
  const { retentionSeconds } = order;
  return unlockIn(new PostgresLeaseStore({ pool, retentionSeconds }), 'exactly_once.leases', order);
}
