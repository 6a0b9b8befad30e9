import { KeyReused } from '../dedup/errors.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Arrival } from './arrival.js';
import type { Delivery } from './transport.js';

/** Without a fault of its own. */
const again: Outcome = { kind: 'retry' };

/** Settles a copy by the outcome of its leader, or says why it has to be rejected. */
export function follow<Body, D extends Delivery>(
  follower: Arrival<Body, D>,
  leader: Arrival<Body, D>,
): KeyReused | undefined {
  const { outcome } = leader;
  const [own, first] = [follower.recognised, leader.recognised];
  if (own === undefined || first === undefined || outcome === undefined || outcome.kind === 'retry')
    follower.settle(again);
  else if (own.fingerprint === first.fingerprint)
    follower.settle(
      outcome.kind === 'processed' || outcome.kind === 'parked' ? { kind: 'duplicate' } : outcome,
    );
  // The first one was refused for its own payload, or has not acted yet, which says nothing about this one's: it
  // comes again, alone.
  else if (outcome.kind !== 'processed' && outcome.kind !== 'duplicate') follower.settle(again);
  else return new KeyReused(own.id, first.fingerprint, own.fingerprint);
  return undefined;
}
