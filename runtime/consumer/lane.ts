import { RejectMessage } from '../dedup/errors.js';
import type { Arrival, Recognised } from './arrival.js';
import type { RecordOutcome } from './summary.js';
import type { WayOutcome } from './way.js';

/** What became of a message that will not be tried again. */
export interface GivenUp {
  readonly outcome: RecordOutcome;
  /** Nothing behind it may act. */
  readonly stops: boolean;
}

/** What a failure says of its message: nothing, because it is of what the message needs; one more failure; or one too many (R19). */
export type Blame = 'none' | 'own' | 'final';

/** What a lane needs from its batch. */
export interface LaneWork<Body, Prepared> {
  readonly prepare: (recognised: Recognised<Body>, lane: string) => Promise<Prepared>;
  /** False when too little time is left to start another record. */
  mayStart(): boolean;
  /** Never throws. */
  blame(arrival: Arrival<Body>, error: unknown): Promise<Blame>;
  /** Copies the record to the dead-letter queue, and does what has to be done about those behind it. Rejects when that fails. */
  giveUp(arrival: Arrival<Body>, error: unknown): Promise<GivenUp>;
  /** Keeps messages of a stopped group. Returns how many of them, from the first; rejects when that fails. */
  park(arrivals: readonly Arrival<Body>[]): Promise<number>;
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
  /** Given up by the handler or unreadable: in the dead-letter queue's turn once the gathered ones are durable. */
  #refused: { readonly arrival: Arrival<Body>; readonly error: unknown } | undefined;
  #suspect: Arrival<Body> | undefined;

  constructor(
    readonly name: string,
    arrivals: readonly Arrival<Body>[],
  ) {
    this.#waiting = [...arrivals];
  }

  get open(): boolean {
    return this.#waiting.length > 0;
  }
  /** The last round had nothing to do here. */
  get idle(): boolean {
    return this.#gathered.length === 0 && this.#refused === undefined;
  }
  /** Whom it waits for: a message that runs when everybody else has (R20). */
  get suspect(): Arrival<Body> | undefined {
    return this.open ? this.#suspect : undefined;
  }

  /** Prepares messages until one fails, is rejected, or time is short. Returns what is ready to be committed, in order. */
  async gather(work: LaneWork<Body, Prepared>): Promise<readonly Prepared[]> {
    this.#gathered = [];
    this.#refused = this.#suspect = undefined;
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
      if (arrival.isSuspect) {
        if (this.#gathered.length === 0) this.#suspect = arrival;
        break;
      }
      if (!work.mayStart()) {
        this.#closeFrom(arrival);
        break;
      }
      try {
        if (arrival.unrun !== undefined) throw arrival.unrun;
        if (arrival.recognised === undefined) throw arrival.error;
        this.#gathered.push({ arrival, prepared: await work.prepare(arrival.recognised, this.name) });
        if (arrival.admitted) break;
      } catch (error) {
        const blame = error instanceof RejectMessage ? 'final' : await work.blame(arrival, error);
        if (blame === 'final') this.#refused = { arrival, error };
        else this.#closeFrom(arrival, error, blame === 'own');
        break;
      }
    }
    return this.#gathered.map(({ prepared }) => prepared);
  }

  /** Takes the outcomes of what was gathered. What was held back stays for the next round. */
  async settle(outcomes: ReadonlyMap<Prepared, WayOutcome>, work: LaneWork<Body, Prepared>): Promise<void> {
    for (const { arrival, prepared } of this.#gathered) {
      if (arrival.outcome !== undefined) continue;
      const outcome = outcomes.get(prepared) ?? { kind: 'held' };
      if (outcome.kind === 'held') break;
      if (outcome.kind !== 'rejected' && outcome.kind !== 'failed') {
        arrival.settle(outcome.kind);
        continue;
      }
      const { kind, error } = outcome;
      const blame = kind === 'rejected' ? 'final' : await work.blame(arrival, error);
      if (blame === 'final') await this.#giveUp(arrival, error, work);
      else this.#closeFrom(arrival, error, blame === 'own');
    }
    const refused = this.#refused;
    if (refused !== undefined && this.#isNext(refused.arrival))
      await this.#giveUp(refused.arrival, refused.error, work);
    this.#waiting = this.#waiting.filter(({ outcome }) => outcome === undefined);
  }

  /** Keeps whatever has no outcome yet for later: its group is stopped. */
  async park(work: LaneWork<Body, Prepared>): Promise<void> {
    const rest: Arrival<Body>[] = [];
    for (const arrival of this.#waiting) {
      if (arrival.outcome !== undefined) continue;
      const leader = work.leaderOf(arrival);
      // A copy of one that has an outcome has the same. One whose leader is parked is parked too, and will be found a duplicate.
      if (leader?.outcome === undefined || leader.outcome === 'parked') rest.push(arrival);
      else await work.follow(arrival, leader);
    }
    let parked = 0;
    let error: unknown;
    try {
      parked = await work.park(rest);
    } catch (cause) {
      error = cause;
    }
    for (const arrival of rest.slice(0, parked)) arrival.settle('parked');
    const [stuck] = rest.slice(parked);
    if (stuck !== undefined) this.#closeFrom(stuck, error);
    this.#waiting = this.#waiting.filter(({ outcome }) => outcome === undefined);
  }

  #isNext(arrival: Arrival<Body>): boolean {
    return this.#waiting.find(({ outcome }) => outcome === undefined) === arrival;
  }

  async #giveUp(arrival: Arrival<Body>, error: unknown, work: LaneWork<Body, Prepared>): Promise<void> {
    try {
      const { outcome, stops } = await work.giveUp(arrival, error);
      arrival.settle(outcome, error);
      if (stops) await this.park(work);
    } catch (cause) {
      this.#closeFrom(arrival, cause);
    }
  }

  /** This one and all later ones come again. */
  #closeFrom(arrival: Arrival<Body>, error?: unknown, failed = false): void {
    const from = this.#waiting.indexOf(arrival);
    if (from < 0) return;
    for (const later of this.#waiting.slice(from))
      if (later === arrival) later.settle('retry', error, failed);
      else if (later.outcome === undefined) later.settle('retry');
    this.#waiting = this.#waiting.slice(0, from);
  }
}

/** A function of its own, because the compiler does not see that `follow` settles. */
function isRetry({ outcome }: Arrival<unknown>): boolean {
  return outcome === 'retry';
}
