import type { Change } from './change.js';
import { isBehind, isOpening, successor, type SourcePosition } from './position.js';
import { ToldBefore, type Log, type Placeable } from './told-before.js';

/**
 * Tells changes that a log holds again from those that it tells for the first time.
 *
 * A position is the commit *before* a transaction, its label, and the ordinal within. The connector takes the label
 * from the commit that it has read before. Where it begins again it has read none, and takes the one of its stored
 * offset; Postgres sends what lies behind the slot. That may be farther on: the slot is moved after an offset was
 * stored, to what Kafka has acknowledged by then. So a new transaction may have the label of an older one, and
 * seem to be behind (shown by test/cdc/offset-behind-slot.test.ts). No label is too high: what is ahead is new. What
 * is behind is looked for in the log, by the number of its transaction.
 */
export class Retold {
  /** While changes come that seem to come again. */
  #before: ToldBefore | undefined;
  readonly #log: Log;
  /** Asks again when the log cannot be read. */
  readonly #patiently: <T>(ask: () => Promise<T>) => Promise<T>;

  constructor(log: Log, patiently: <T>(ask: () => Promise<T>) => Promise<T> = (ask) => ask()) {
    this.#log = log;
    this.#patiently = patiently;
  }

  /**
   * The change, in its place behind all that was told before; undefined for one that was told before. Changes are
   * given in the order of the log, without a gap.
   *
   * @param reached the highest position of what was told before
   * @throws SourceUnavailable
   */
  take(
    change: Change,
    reached: SourcePosition | undefined,
  ): Change | undefined | Promise<Change | undefined> {
    const { position } = change;
    if (position === undefined || reached === undefined) return change;
    const isAhead = !isBehind(position, reached);
    if (!isPlaceable(change)) return isAhead ? change : undefined;
    if (!isAhead || isOpening(position)) return this.#lookedFor(change, isAhead, reached);
    this.#before = undefined;
    return change;
  }

  async #lookedFor(
    change: Placeable,
    isAhead: boolean,
    reached: SourcePosition,
  ): Promise<Change | undefined> {
    const before = (this.#before ??= new ToldBefore(change, reached));
    const isTold = before.has(change) ?? (await this.#patiently(() => before.readFor(change, this.#log)));
    before.add(change);
    if (isTold) return undefined;
    return isAhead ? change : new Placed(change, successor(reached));
  }
}

function isPlaceable(change: Change): change is Placeable {
  return change.position !== undefined && change.transaction !== undefined;
}

/** A change in another place than it says. */
class Placed implements Change {
  readonly #change: Change;

  constructor(
    change: Change,
    readonly position: SourcePosition,
  ) {
    this.#change = change;
  }

  get partition() {
    return this.#change.partition;
  }
  get offset() {
    return this.#change.offset;
  }
  get transaction() {
    return this.#change.transaction;
  }
  get kind() {
    return this.#change.kind;
  }
  get key() {
    return this.#change.key;
  }
  get row() {
    return this.#change.row;
  }
  get unchanged() {
    return this.#change.unchanged;
  }
  get record() {
    return this.#change.record;
  }
}
