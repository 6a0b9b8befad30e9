import type { Once } from '../dedup/effect.js';
import type { LeaseStoreOptions } from './lease-store.js';

/** Where leases are kept, and whose they are: the dedup table of a consumer. */
export interface LeaseScope extends Omit<LeaseStoreOptions, 'now'> {
  readonly consumerName: string;
}

/**
 * What `leases()` gives a consumer: `tx.once` for one message. `remainingMs` is what is left of the invocation. With
 * the payload's fingerprint an effect of another payload under the same key is refused (KeyReused), as its receipt
 * would be (R5).
 */
export type Leases = (
  scope: LeaseScope,
) => (key: string, remainingMs: () => number, fingerprint?: string) => Once;
