import { RejectMessage } from '../dedup/errors.js';
import type { Arrival } from './arrival.js';
import type { Way, WayOutcome } from './way.js';

/** What a lane needs from its batch. */
export interface LaneWork<Body, Prepared> {
  readonly prepare: Way<Body, Prepared>['prepare'];
  /** False when too little time is left to start another record. */
  mayStart(): boolean;
  /** Copies the record to the dead-letter queue. Rejects when that fails. */
  deadLetter(arrival: Arrival<Body>, error: unknown): Promise<void>;
  /** An earlier record of the batch with the same identity, whose outcome decides about this one. */
  leaderOf(arrival: Arrival<Body>): Arrival<Body> | undefined;
  /** Settles a record by the outcome of its leader. Never throws. */
  follow(arrival: Arrival<Body>, leader: Arrival<Body>): Promise<void>;
}

/**
 * The messages of one FIFO group in a batch, or one message of a Standard queue. They are handled in order, and a message is
 * settled only after all earlier ones of the lane: the lane closes at the first that must come again.
 */
export class Lane<Body, Prepared> {
  #waiting: Arrival<Body>[];
  #gathered: { readonly arrival: Arrival<Body>; readonly prepared: Prepared }[] = [];
  /** Rejected by the handler or unreadable: in the dead-letter queue's turn once the gathered ones are durable. */
  #refused: { readonly arrival: Arrival<Body>; readonly error: unknown } | undefined;

  constructor(
    readonly name: string,
    arrivals: readonly Arrival<Body>[],
  ) {
    this.#waiting = [...arrivals];
  }

  get open(): boolean {
    return this.#waiting.length > 0;
  }

  /** Prepares messages until one fails, is rejected, or time is short. Returns what is ready to be committed, in order. */
  async gather(work: LaneWork<Body, Prepared>): Promise<readonly Prepared[]> {
    this.#gathered = [];
    this.#refused = undefined;
    for (const arrival of this.#waiting) {
      if (arrival.outcome !== undefined) continue;
      const leader = work.leaderOf(arrival);
      if (leader !== undefined) {
        // Later ones of the lane may not overtake it while its leader, perhaps in another lane, has no outcome.
        if (leader.outcome === undefined || this.#gathered.length > 0) break;
        await work.follow(arrival, leader);
        if (!isRetry(arrival)) continue;
        this.#closeFrom(arrival, arrival.error);
        break;
      }
      if (!work.mayStart()) {
        this.#closeFrom(arrival);
        break;
      }
      try {
        if (arrival.recognised === undefined) throw arrival.error;
        this.#gathered.push({ arrival, prepared: await work.prepare(arrival.recognised, this.name) });
      } catch (error) {
        if (error instanceof RejectMessage) this.#refused = { arrival, error };
        else this.#closeFrom(arrival, error);
        break;
      }
    }
    return this.#gathered.map(({ prepared }) => prepared);
  }

  /** Takes the outcomes of what was gathered. What was held back stays for the next round. */
  async settle(outcomes: ReadonlyMap<Prepared, WayOutcome>, work: LaneWork<Body, Prepared>): Promise<void> {
    for (const { arrival, prepared } of this.#gathered) {
      const outcome = outcomes.get(prepared) ?? { kind: 'held' };
      if (outcome.kind === 'held') break;
      if (outcome.kind === 'failed') this.#closeFrom(arrival, outcome.error);
      else if (outcome.kind === 'rejected') await this.#reject(arrival, outcome.error, work);
      else arrival.settle(outcome.kind);
    }
    const refused = this.#refused;
    if (refused !== undefined && this.#isNext(refused.arrival))
      await this.#reject(refused.arrival, refused.error, work);
    this.#waiting = this.#waiting.filter(({ outcome }) => outcome === undefined);
  }

  #isNext(arrival: Arrival<Body>): boolean {
    return this.#waiting.find(({ outcome }) => outcome === undefined) === arrival;
  }

  async #reject(arrival: Arrival<Body>, error: unknown, work: LaneWork<Body, Prepared>): Promise<void> {
    try {
      await work.deadLetter(arrival, error);
      arrival.settle('rejected', error);
    } catch (cause) {
      this.#closeFrom(arrival, cause);
    }
  }

  /** This one and all later ones come again. */
  #closeFrom(arrival: Arrival<Body>, error?: unknown): void {
    const from = this.#waiting.indexOf(arrival);
    if (from < 0) return;
    for (const later of this.#waiting.slice(from))
      if (later.outcome === undefined) later.settle('retry', later === arrival ? error : undefined);
    this.#waiting = this.#waiting.slice(0, from);
  }
}

/** A function of its own, because the compiler does not see that `follow` settles. */
function isRetry({ outcome }: Arrival<unknown>): boolean {
  return outcome === 'retry';
}
