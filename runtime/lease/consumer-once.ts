import type { Leases } from '../dynamodb/lease-scope.js';
import { DynamoLeaseStore } from '../dynamodb/lease-store.js';
import { leasesSettings, type LeasesOptions } from './leases-options.js';
import { onceFor } from './once-for.js';

/**
 * Gives a consumer's transactions `tx.once`: `sqsConsumer({ ..., leases: leases() })`. See `Once` for what it
 * guarantees.
 *
 * @throws InvalidSettings when `maxClockSkewSeconds` is no number from 0.
 */
export function leases(options: LeasesOptions = {}): Leases {
  const { now, ...rest } = leasesSettings(options);
  return ({ consumerName, ...scope }) => {
    const store = new DynamoLeaseStore({ ...scope, now });
    return (key, remainingMs, fingerprint) =>
      onceFor(store, { ...rest, consumerName, key, remainingMs, fingerprint });
  };
}
