import { DynamoLeaseStore, type LeaseStoreOptions } from '../../dynamodb/lease-store.js';
import type { SlotLeases } from './options.js';

/** A slot that nobody has had for so long is forgotten, in seconds. */
const retentionSeconds = 86_400;

export interface DynamoSlotsOptions
  extends Pick<LeaseStoreOptions, 'client' | 'tableName'>, Omit<SlotLeases, 'store'> {}

/** Slots whose leases are rows of a dedup table. */
export function dynamoSlots({ client, tableName, ...slots }: DynamoSlotsOptions): SlotLeases {
  return { store: new DynamoLeaseStore({ client, tableName, retentionSeconds }), ...slots };
}
