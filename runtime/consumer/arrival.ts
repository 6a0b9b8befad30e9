import { noHistory, type History } from '../dedup/history.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified } from '../dedup/way.js';
import type { KeySource, Message } from './message.js';
import type { Delivery } from './transport.js';

/** A message that could be read, with its identity. */
export interface Recognised<Body> extends Identified {
  readonly message: Message<Body>;
  /** What it said, before the schema changed anything. */
  readonly json: unknown;
  readonly delivery: Delivery;
  /** Why it is refused all the same. Its identity was made of what it said before the schema refused it. */
  readonly refusal?: unknown;
}

export type { KeySource };

/**
 * Where a message stands on its way.
 *
 * - `waiting`: for its turn in its lane.
 * - `suspect`: earlier deliveries of it ended without a word, so that it may be what kills the process. It waits
 *   until everybody else is
 *   through (R20).
 * - `started`: a suspect whose turn has come, in a company of that many, which is written down. `company` is 1 for
 *   one that runs alone.
 * - `settled`: it has its outcome.
 */
export type State =
  | { readonly kind: 'waiting' | 'suspect' }
  | { readonly kind: 'started'; readonly company: number }
  | { readonly kind: 'settled'; readonly outcome: Outcome; readonly counted: boolean };

/** One message on its way to an outcome. Its state is changed here and nowhere else. */
export class Arrival<Body, D extends Delivery = Delivery> {
  #state: State = { kind: 'waiting' };
  #company = 0;
  #history: History = noHistory;
  /** Undefined while it has not been read, because reading it may be what kills the process. */
  #read: { readonly recognised: Recognised<Body> } | { readonly error: unknown } | undefined;
  readonly #silent: number | undefined;

  /**
   * @param silent deliveries that ended without a word where the transport does not count them: those of the nudge
   * that drains it
   */
  constructor(
    readonly delivery: D,
    silent?: number,
  ) {
    this.#silent = silent;
  }

  get state(): State {
    return this.#state;
  }
  get outcome(): Outcome | undefined {
    return this.#state.kind === 'settled' ? this.#state.outcome : undefined;
  }
  get isSettled(): boolean {
    return this.#state.kind === 'settled';
  }
  get isSuspect(): boolean {
    return this.#state.kind === 'suspect';
  }
  /** It comes again for a fault of its own, and not because it had to wait. */
  get isCounted(): boolean {
    return this.#state.kind === 'settled' && this.#state.counted;
  }
  get history(): History {
    return this.#history;
  }
  /** Size of the company in which it was started as a suspect; 0 when it was not. */
  get company(): number {
    return this.#company;
  }
  get recognised(): Recognised<Body> | undefined {
    return this.#read !== undefined && 'recognised' in this.#read ? this.#read.recognised : undefined;
  }
  /** Why it could not be read, or is refused although it could. */
  get refusal(): unknown {
    if (this.#read === undefined) return undefined;
    return 'error' in this.#read ? this.#read.error : this.#read.recognised.refusal;
  }
  get isRead(): boolean {
    return this.#read !== undefined;
  }
  /** Deliveries before this one of which nobody wrote down what became. */
  get unexplained(): number {
    const { excused, failed } = this.#history;
    return this.#silent ?? Math.max(0, (this.delivery.deliveries ?? 1) - 1 - excused - failed);
  }

  /** Takes down what is known of it. One that was delivered twice without a word is a suspect from then on. */
  recall(history: History): void {
    this.#history = history;
    if (this.#state.kind === 'waiting' && this.unexplained >= suspicious) this.#state = { kind: 'suspect' };
  }
  recognise(read: { readonly recognised: Recognised<Body> } | { readonly error: unknown }): void {
    this.#read = read;
  }
  /** Its turn has come. */
  start(company: number): void {
    this.#company = company;
    this.#state = { kind: 'started', company };
  }
  settle(outcome: Outcome, counted = false): void {
    this.#state = { kind: 'settled', outcome, counted };
  }
}

/** Deliveries without a word that make a suspect: one may be anything, such as a deployment. */
const suspicious = 2;

/** Comes again, without a fault of its own. */
export const excused: Outcome = { kind: 'retry' };

/** Its turn came as that of a suspect, alone, and it has its outcome: whatever is delivered of it killed nobody. */
export function ranAlone({ company, isSettled }: Arrival<unknown>): boolean {
  return company === 1 && isSettled;
}
