import type { Arrival } from './arrival.js';
import type { Delivery } from './transport.js';

/**
 * Copies of a message in one batch: each but the first gets the first one's outcome, and is never handled (R10). Also
 * holds those that are read later, as suspects are: such a one leads if it stands before its copy and that one waits
 * for it, or comes again.
 */
export class Copies<Body, D extends Delivery> {
  readonly #leaders = new Map<string, Arrival<Body, D>>();
  readonly #followers = new Map<Arrival<Body, D>, Arrival<Body, D>>();
  readonly #batch: readonly Arrival<Body, D>[];

  /** @param batch all messages of the batch, in their order */
  constructor(batch: readonly Arrival<Body, D>[]) {
    this.#batch = batch;
  }

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
    return this.#batch.indexOf(one) < this.#batch.indexOf(other);
  }

  leaderOf(arrival: Arrival<Body, D>): Arrival<Body, D> | undefined {
    return this.#followers.get(arrival);
  }

  /**
   * True copies behind their leader in the same lane: whatever becomes of the leader, no later one can overtake the
   * copy.
   */
  riders(): Map<Arrival<Body, D>, Arrival<Body, D>> {
    const riders = [...this.#followers].filter(
      ([follower, leader]) =>
        follower.delivery.lane === leader.delivery.lane &&
        follower.recognised?.fingerprint === leader.recognised?.fingerprint,
    );
    return new Map(riders);
  }
}
