import type { Arrival } from './arrival.js';
import type { Delivery } from './transport.js';

/**
 * Copies of a message in one batch: each but the first gets the first one's outcome, and is never handled (R10). Also holds those that are
 * read later, as suspects are.
 */
export class Copies<Body, D extends Delivery> {
  readonly #leaders = new Map<string, Arrival<Body, D>>();
  readonly #followers = new Map<Arrival<Body, D>, Arrival<Body, D>>();

  add(arrival: Arrival<Body, D>): void {
    const { recognised } = arrival;
    if (recognised === undefined || arrival.isSettled) return;
    const leader = this.#leaders.get(recognised.id);
    if (leader === undefined) this.#leaders.set(recognised.id, arrival);
    else if (leader !== arrival) this.#followers.set(arrival, leader);
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
