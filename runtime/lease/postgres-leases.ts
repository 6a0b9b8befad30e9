import type { Once } from '../dedup/effect.js';
import { PostgresLeaseStore, type PostgresLeaseStoreOptions } from '../postgres/lease-store.js';
import { leasesSettings, type LeasesOptions } from './leases-options.js';
import { onceFor } from './once-for.js';

/** What `postgresLeases()` gives a consumer: `tx.once` for one message. */
export type PostgresLeases = (
  scope: Omit<PostgresLeaseStoreOptions, 'now'> & { readonly consumerName: string },
) => (key: string, remainingMs: () => number, fingerprint?: string) => Once;

/**
 * Gives a consumer's transactions `tx.once`: `postgresConsumer({ ..., leases: postgresLeases() })`. See `Once` for
 * what it guarantees. A lease is written on a connection of its own, while the transaction of its message is open:
 * the pool needs two for each message that is handled at once.
 *
 * @throws InvalidSettings when `maxClockSkewSeconds` is no number from 0.
 */
export function postgresLeases(options: LeasesOptions = {}): PostgresLeases {
  const { now, ...rest } = leasesSettings(options);
  return ({ consumerName, ...scope }) => {
    const store = new PostgresLeaseStore({ ...scope, now });
    return (key, remainingMs, fingerprint) =>
      onceFor(store, { ...rest, consumerName, key, remainingMs, fingerprint });
  };
}
