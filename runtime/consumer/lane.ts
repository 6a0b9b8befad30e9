import type { CommitOutcome } from '../dedup/dynamo-store.js';
import type { Unit } from '../dedup/pack.js';
import { Transaction } from '../dedup/transaction.js';
import { isFinal, type Arrival } from './arrival.js';
import type { Message } from './message.js';

/** What a lane needs from its batch. */
export interface LaneWork<Body> {
  handle(message: Message<Body>, tx: Transaction): Promise<unknown>;
  /** False when too little time is left to start another record. */
  mayStart(): boolean;
  /** Copies the record to the dead-letter queue. Rejects when that fails. */
  deadLetter(arrival: Arrival<Body>, error: unknown): Promise<void>;
}

/**
 * The messages of one FIFO group in a batch, or one message of a Standard queue. They are handled in order, and a message is
 * settled only after all earlier ones of the lane: the lane closes at the first that must come again.
 */
export class Lane<Body> {
  #waiting: Arrival<Body>[];
  #gathered: { readonly arrival: Arrival<Body>; readonly unit: Unit }[] = [];
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

  /** Runs handlers until one fails, is rejected, or time is short. Returns what is ready to be committed, in order. */
  async gather(work: LaneWork<Body>): Promise<readonly Unit[]> {
    this.#gathered = [];
    this.#refused = undefined;
    for (const arrival of this.#waiting) {
      if (arrival.outcome !== undefined) continue;
      if (!work.mayStart()) {
        this.#closeFrom(arrival);
        break;
      }
      try {
        if (arrival.recognised === undefined) throw arrival.error;
        const { message, id, fingerprint } = arrival.recognised;
        const tx = new Transaction();
        const result = await work.handle(message, tx);
        this.#gathered.push({
          arrival,
          unit: { receipt: { id, fingerprint, result }, writes: tx.writes, lane: this.name },
        });
      } catch (error) {
        if (isFinal(error)) this.#refused = { arrival, error };
        else this.#closeFrom(arrival, error);
        break;
      }
    }
    return this.#gathered.map(({ unit }) => unit);
  }

  /** Takes the outcomes of what was gathered. What was held back stays for the next round. */
  async settle(outcomes: ReadonlyMap<Unit, CommitOutcome>, work: LaneWork<Body>): Promise<void> {
    for (const { arrival, unit } of this.#gathered) {
      const outcome = outcomes.get(unit) ?? { kind: 'held' };
      if (outcome.kind === 'held') break;
      if (outcome.kind === 'failed') this.#closeFrom(arrival, outcome.error);
      else if (outcome.kind === 'rejected') await this.#reject(arrival, outcome.error, work);
      else arrival.settle(outcome.kind);
    }
    const { arrival, error } = this.#refused ?? {};
    if (
      arrival !== undefined &&
      this.#waiting[this.#waiting.indexOf(arrival)] !== undefined &&
      this.#isNext(arrival)
    )
      await this.#reject(arrival, error, work);
    this.#waiting = this.#waiting.filter(({ outcome }) => outcome === undefined);
  }

  #isNext(arrival: Arrival<Body>): boolean {
    return this.#waiting.find(({ outcome }) => outcome === undefined) === arrival;
  }

  async #reject(arrival: Arrival<Body>, error: unknown, work: LaneWork<Body>): Promise<void> {
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
    for (const later of this.#waiting.slice(from))
      if (later.outcome === undefined) later.settle('retry', later === arrival ? error : undefined);
    this.#waiting = this.#waiting.slice(0, from);
  }
}
