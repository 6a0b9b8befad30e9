import { fingerprintOf } from '../dedup/fingerprint.js';

/**
 * The idempotency key that an effect gives the other side: SHA-256 of consumer name, key and effect name. Without the
 * fence, so that every owner's call carries the same one (R27).
 */
export function downstreamKey(consumerName: string, key: string, effectName: string): string {
  return fingerprintOf([consumerName, key, effectName]);
}
