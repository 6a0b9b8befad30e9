import { KeyReused } from '../dedup/errors.js';
import { excused, type Arrival } from './arrival.js';
import type { Delivery } from './transport.js';

/**
 * Copies of a message in one batch: each but the first gets the first one's outcome, and is never handled (R10). Also holds those that are
 * read later, as suspects are: such a one leads if it stands before its copy and that one waits for it, or comes again.
 */
export class Copies<Body, D extends Delivery> {
  readonly #leaders = new Map<string, Arrival<Body, D>>();
  readonly #followers = new Map<Arrival<Body, D>, Arrival<Body, D>>();

  /** @param batch all messages of the batch, in their order */
  constructor(private readonly batch: readonly Arrival<Body, D>[]) {}

  add(arrival: Arrival<Body, D>): void {
    const { recognised } = arrival;
    if (recognised === undefined || arrival.isSettled) return;
    const leader = this.#leaders.get(recognised.id);
    if (leader === arrival) return;
    const waits = leader?.isSettled === false;
    if (
      leader !== undefined &&
      leader.outcome?.kind !== 'retry' &&
      !(waits && this.#precedes(arrival, leader))
    ) {
      this.#followers.set(arrival, leader);
      return;
    }
    this.#leaders.set(recognised.id, arrival);
    if (leader !== undefined && waits) this.#followers.set(leader, arrival);
  }

  /** Whether the one stands before the other in the batch. */
  #precedes(one: Arrival<Body, D>, other: Arrival<Body, D>): boolean {
    return this.batch.indexOf(one) < this.batch.indexOf(other);
  }

  leaderOf(arrival: Arrival<Body, D>): Arrival<Body, D> | undefined {
    return this.#followers.get(arrival);
  }

  /** True copies behind their leader in the same lane: whatever becomes of the leader, no later one can overtake the copy. */
  riders(): Map<Arrival<Body, D>, Arrival<Body, D>> {
    const riders = [...this.#followers].filter(
      ([follower, leader]) =>
        follower.delivery.lane === leader.delivery.lane &&
        follower.recognised?.fingerprint === leader.recognised?.fingerprint,
    );
    return new Map(riders);
  }
}

/** Settles a copy by the outcome of its leader, or says why it has to be rejected. */
export function follow<Body, D extends Delivery>(
  follower: Arrival<Body, D>,
  leader: Arrival<Body, D>,
): KeyReused | undefined {
  const { outcome } = leader;
  const [own, first] = [follower.recognised, leader.recognised];
  if (own === undefined || first === undefined || outcome === undefined || outcome.kind === 'retry')
    follower.settle(excused);
  else if (own.fingerprint === first.fingerprint)
    follower.settle(
      outcome.kind === 'processed' || outcome.kind === 'parked' ? { kind: 'duplicate' } : outcome,
    );
  // The first one was refused for its own payload, or has not acted yet, which says nothing about this one's: it comes again, alone.
  else if (outcome.kind !== 'processed' && outcome.kind !== 'duplicate') follower.settle(excused);
  else return new KeyReused(own.id, first.fingerprint, own.fingerprint);
  return undefined;
}
