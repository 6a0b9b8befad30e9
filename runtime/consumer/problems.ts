import { faultOf } from '../dedup/errors.js';
import type { Problem } from '../telemetry/batch-summary.js';
import { keyHash } from '../dedup/key-hash.js';
import type { Arrival } from './arrival.js';

/** What a batch summary says of one message that did not go well. */
export function problemOf({ outcome, delivery, recognised }: Arrival<unknown>): Problem | undefined {
  if (outcome?.kind !== 'rejected' && outcome?.kind !== 'retry') return undefined;
  const { kind, error } = outcome;
  if (error === undefined) return undefined;
  const key = recognised?.message.key;
  return {
    outcome: kind,
    fault: faultOf(error),
    messageId: delivery.id,
    keyHash: key === undefined ? undefined : keyHash(key),
    error,
  };
}
