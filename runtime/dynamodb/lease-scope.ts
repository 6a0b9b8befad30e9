import type { LeaseScope } from '../dedup/effect.js';
import type { LeaseStoreOptions } from './lease-store.js';

/** Leases of one consumer in its dedup table. Their store is loaded with the first effect. */
export function leaseScope(table: Omit<LeaseStoreOptions, 'now'>, consumerName: string): LeaseScope {
  return {
    consumerName,
    async store(now) {
      const { DynamoLeaseStore } = await import('./lease-store.js');
      return new DynamoLeaseStore({ ...table, now });
    },
  };
}
