/** A transaction of a Postgres, in the order of commits. */
export interface Committed<T> {
  readonly id: number;
  /** LSN of its commit. */
  readonly commit: bigint;
  readonly changes: readonly T[];
}

/** A change as the connector tells it. */
export interface ToldChange<T> {
  readonly change: T;
  readonly transaction: Committed<T>;
  /** From 1, in the transaction. */
  readonly ordinal: number;
  /** What `source.sequence` names as the commit before: null as long as the connector has seen none. */
  readonly label: bigint | null;
}

interface Place {
  /** Index of the transaction, and of the change in it. */
  readonly at: number;
  readonly change: number;
  readonly label: bigint | null;
}

/**
 * Debezium's Postgres connector 3.7 in a worker of Connect without exactly-once support, as it begins again (see
 * offset-behind-slot.test.ts). Connect stores the offset of a change that Kafka has acknowledged, and the slot is
 * then moved to the commit before one that was acknowledged as late or later. From there on Postgres sends whole
 * transactions; those before the stored offset are passed, and the label is the stored one until a commit is read.
 */
export class ConnectorModel<T> {
  readonly #history: readonly Committed<T>[];
  /** What was told since it has begun, as places. */
  #told: Place[] = [];
  #next: Place = { at: 0, change: 0, label: null };
  /** Transactions before are not sent any more. */
  #slot = 0;

  constructor(history: readonly Committed<T>[]) {
    this.#history = history;
  }

  /** Whether all is told. */
  get isDone(): boolean {
    return this.#next.at >= this.#history.length;
  }

  tell(): ToldChange<T> {
    const { at, change: index, label } = this.#next;
    const transaction = this.#history[at];
    const change = transaction?.changes[index];
    if (transaction === undefined || change === undefined) throw new RangeError('all is told');
    this.#told.push(this.#next);
    this.#next =
      index + 1 < transaction.changes.length
        ? { at, change: index + 1, label }
        : { at: at + 1, change: 0, label: transaction.commit };
    return { change, transaction, ordinal: index + 1, label };
  }

  /**
   * Stores an offset, moves the slot, and dies.
   *
   * @param stored index of what is stored, among what was told since it has begun; the slot follows one not before it
   */
  restart(stored: number, acknowledged: number): void {
    const kept = this.#told[stored];
    const flushed = this.#told[Math.max(stored, acknowledged)];
    // Without an offset it would take a new snapshot.
    if (kept === undefined || flushed === undefined) return;
    this.#slot = Math.max(this.#slot, flushed.at);
    const { at, change, label } = kept;
    const { length } = this.#history[at]?.changes ?? [];
    if (this.#slot > at) this.#next = { at: this.#slot, change: 0, label };
    else if (change + 1 < length) this.#next = { at, change: change + 1, label };
    else this.#next = { at: at + 1, change: 0, label: this.#history[at]?.commit ?? null };
    this.#told = [];
  }

  get toldSinceStart(): number {
    return this.#told.length;
  }
}
