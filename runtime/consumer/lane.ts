import { asThrown, IgnoreMessage } from '../dedup/error.js';
import type { Outcome, Outcomes } from '../dedup/outcome.js';
import type { Prepared, Turn } from '../dedup/way.js';
import { excused, type Arrival, type Recognised } from './arrival.js';
import type { Delivery } from './transport.js';
import { decisions } from './verdict.js';

/** What was found about a message that did not go well: it is settled, and the lane goes on, stops, or closes. */
export type Judged = 'goes-on' | 'stops' | 'closes';

/** What a lane needs from its batch. Nothing of it throws but `prepare`. */
export interface LaneWork<Body, D extends Delivery, Unit> {
  prepare(recognised: Recognised<Body>, turn: Pick<Turn, 'lane' | 'ahead'>): Promise<Unit>;
  /** False when too little time is left to start another message. */
  mayStart(): boolean;
  /** Judges what went wrong with a message whose predecessors are through, and settles it. */
  judge(arrival: Arrival<Body, D>, outcome: Extract<Outcome, { error?: unknown }>): Promise<Judged>;
  /** Keeps messages of a stopped group, and settles them. Returns how many of them, from the first. */
  park(arrivals: readonly Arrival<Body, D>[]): Promise<number>;
  /** An earlier message of the batch with the same identity, whose outcome decides about this one. */
  leaderOf(arrival: Arrival<Body, D>): Arrival<Body, D> | undefined;
  /** Settles a message by the outcome of its leader. */
  follow(arrival: Arrival<Body, D>, leader: Arrival<Body, D>): Promise<void>;
}

/**
 * The messages of one group in a batch, or one message where nothing is ordered. They are handled in order, and a
 * message is settled only after all earlier ones of the lane: the lane closes at the first that must come again.
 */
export class Lane<Body, D extends Delivery, Unit extends Prepared> {
  #waiting: Arrival<Body, D>[];
  #gathered: { readonly arrival: Arrival<Body, D>; readonly unit: Unit }[] = [];
  /** What the first of those that wait has come to before any commit: it is judged when the round is settled. */
  #failed: { readonly arrival: Arrival<Body, D>; readonly error: unknown } | undefined;

  constructor(
    readonly name: string,
    arrivals: readonly Arrival<Body, D>[],
  ) {
    this.#waiting = [...arrivals];
  }

  get isOpen(): boolean {
    return this.#waiting.length > 0;
  }
  /** The last round had nothing to do here: it waits for a suspect, or for a leader in another lane. */
  get isIdle(): boolean {
    return this.#gathered.length === 0 && this.#failed === undefined;
  }
  get waiting(): readonly Arrival<Body, D>[] {
    return this.#waiting;
  }

  /**
   * Prepares messages until one has looked at the store, fails, or time is short. Returns what is ready to be
   * committed, in order.
   */
  async gather(work: LaneWork<Body, D, Unit>): Promise<readonly Unit[]> {
    this.#gathered = [];
    this.#failed = undefined;
    for (const arrival of this.#waiting) {
      if (arrival.isSettled) continue;
      const ahead = this.#gathered.length > 0;
      const leader = work.leaderOf(arrival);
      if (leader !== undefined) {
        // Later ones of the lane may not overtake it while its leader, perhaps in another lane, has no outcome.
        if (!leader.isSettled || ahead) break;
        await work.follow(arrival, leader);
        if (arrival.outcome?.kind !== 'retry') continue;
        this.#closeBehind(arrival);
        break;
      }
      if (arrival.isSuspect) break;
      if (!work.mayStart()) {
        this.close(arrival);
        break;
      }
      if (!(await this.#prepare(arrival, ahead, work))) break;
    }
    return this.#gathered.map(({ unit }) => unit);
  }

  /** Whether the lane may gather on behind it. */
  async #prepare(arrival: Arrival<Body, D>, ahead: boolean, work: LaneWork<Body, D, Unit>): Promise<boolean> {
    try {
      const { recognised, refusal } = arrival;
      if (recognised === undefined || refusal !== undefined) throw refusal;
      const unit = await work.prepare(recognised, { lane: this.name, ahead });
      this.#gathered.push({ arrival, unit });
      return unit.looked !== true;
    } catch (cause) {
      const error = asThrown(cause);
      // What was said ahead of an uncommitted predecessor is no verdict: it is prepared again in its turn (R47).
      if (decisions.aheadIsNoVerdict({ ahead }) !== undefined) return false;
      if (error instanceof IgnoreMessage) {
        arrival.settle({ kind: 'ignored' });
        return true;
      }
      this.#failed = { arrival, error };
      return false;
    }
  }

  /** Takes the outcomes of what was gathered. What was not tried stays for the next round. */
  async settle(outcomes: Outcomes<Unit>, work: LaneWork<Body, D, Unit>): Promise<void> {
    for (const { arrival, unit } of this.#gathered) {
      const outcome = outcomes.get(unit);
      if (outcome === undefined) break;
      if (outcome.kind !== 'rejected' && outcome.kind !== 'retry') arrival.settle(outcome);
      else if (!(await this.#judge(arrival, outcome, work))) break;
    }
    // A way that orders by positions commits the streams of one lane apart: what acted behind a failure has acted.
    for (const { arrival, unit } of this.#gathered) {
      const outcome = outcomes.get(unit);
      if (outcome?.kind === 'processed' && !arrival.isSettled) arrival.settle(outcome);
    }
    const failed = this.#failed;
    if (failed !== undefined) await this.#judge(failed.arrival, { kind: 'retry', error: failed.error }, work);
    this.#forget();
  }

  /** Judges a message out of turn: one that is not run any more. */
  async judge(
    arrival: Arrival<Body, D>,
    outcome: Extract<Outcome, { error?: unknown }>,
    work: LaneWork<Body, D, Unit>,
  ): Promise<void> {
    await this.#judge(arrival, outcome, work);
    this.#forget();
  }

  /** Keeps whatever has no outcome yet for later: its group is stopped. */
  async park(work: LaneWork<Body, D, Unit>): Promise<void> {
    const rest: Arrival<Body, D>[] = [];
    for (const arrival of this.#waiting) {
      if (arrival.isSettled) continue;
      const leader = work.leaderOf(arrival);
      // A copy of one that has an outcome has the same. One whose leader is parked is parked too, and will be found a
      // duplicate.
      if (leader?.outcome === undefined || leader.outcome.kind === 'parked') {
        rest.push(arrival);
        continue;
      }
      await work.follow(arrival, leader);
      if (arrival.outcome?.kind !== 'retry') continue;
      // It comes again, and would be parked behind those after it.
      this.#closeBehind(arrival);
      break;
    }
    const parked = await work.park(rest);
    const [stuck] = rest.slice(parked);
    if (stuck !== undefined) this.close(stuck);
    this.#forget();
  }

  /** This one and all later ones come again. */
  close(arrival: Arrival<Body, D>): void {
    if (!arrival.isSettled) arrival.settle(excused);
    this.#closeBehind(arrival);
  }

  #closeBehind(arrival: Arrival<Body, D>): void {
    const from = this.#waiting.indexOf(arrival);
    if (from < 0) return;
    for (const later of this.#waiting.slice(from)) if (!later.isSettled) later.settle(excused);
    this.#waiting = this.#waiting.slice(0, from);
  }

  /** Whether the lane goes on. */
  async #judge(
    arrival: Arrival<Body, D>,
    outcome: Extract<Outcome, { error?: unknown }>,
    work: LaneWork<Body, D, Unit>,
  ): Promise<boolean> {
    const judged = await work.judge(arrival, outcome);
    if (judged === 'closes') this.#closeBehind(arrival);
    if (judged === 'stops') {
      this.#forget();
      await this.park(work);
    }
    return judged === 'goes-on';
  }

  #forget(): void {
    this.#waiting = this.#waiting.filter(({ isSettled }) => !isSettled);
  }
}
