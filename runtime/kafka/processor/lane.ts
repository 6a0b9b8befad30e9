import type { ClientMessage, TopicPartition } from './client-port.js';
import type { Incarnation } from './incarnations.js';
import type { Sending } from './message.js';

/** One message that was handled, with what it sends. */
export interface Handled {
  readonly message: ClientMessage;
  readonly sendings: readonly Sending[];
}

/**
 * One partition while it is this process's. A message goes from `waiting` over `handled` and `inTransaction` to
 * committed, always in order; an aborted transaction gives its messages back to `handled`, so that no handler runs
 * again and nothing is asked of the broker.
 */
export class Lane implements TopicPartition {
  /** What the group's committed offset is, or will be made. */
  committed: number;
  /** Failures of the message at the head, which count against it. */
  failures = 0;
  /** Its tries that failed, for whatever reason. */
  tries = 0;
  /** By `performance.now()`. */
  retryAt = 0;
  /** A handler runs. */
  busy = false;
  /** The partition is another's: what still runs for it is dropped. */
  closed = false;
  waiting: ClientMessage[] = [];
  handled: Handled[] = [];
  inTransaction: Handled[] = [];
  /** The next offset to be taken in: copies of earlier ones are dropped. */
  #next: number;
  /** What can be read below it has been taken in. */
  #end = 0;

  constructor(
    readonly topic: string,
    readonly partition: number,
    /** The topic as it was when the partition was assigned (R2). */
    readonly incarnation: Incarnation,
    offset: number,
  ) {
    this.committed = offset;
    this.#next = offset;
  }

  take(message: ClientMessage): void {
    if (message.offset < this.#next) return;
    this.#next = message.offset + 1;
    this.waiting.push(message);
  }

  /**
   * Everything below this offset has been taken in. Beyond the last record there may be marks of transactions, and
   * what was aborted: nothing that anybody could be given.
   */
  reach(end: number): void {
    this.#end = Math.max(this.#end, end);
  }

  /** What only waits is left to whoever reads the partition next. */
  leaveWaiting(): void {
    if (this.waiting.splice(this.busy ? 1 : 0).length > 0) this.#end = 0;
  }

  /**
   * The offset to be committed with what is in the transaction: of the record after the last one, and where nothing
   * else waits, behind what can never be read. An offset that stood still there would be taken for records that
   * nobody read, as soon as retention deletes them.
   */
  get offset(): number {
    const last = this.inTransaction.at(-1);
    const behind = last === undefined ? this.committed : last.message.offset + 1;
    return this.waiting.length + this.handled.length === 0 ? Math.max(behind, this.#end) : behind;
  }

  /** The transaction was committed, with this offset. */
  settle(offset: number): void {
    this.committed = offset;
    this.inTransaction = [];
  }

  /** What the only message of an aborted transaction sends instead, when it is sent again. */
  replace(sendings: readonly Sending[]): void {
    this.inTransaction = this.inTransaction.map(({ message }) => ({ message, sendings }));
  }

  /** So many of those that are handled come into the transaction: the first ones. */
  enter(count: number): readonly Handled[] {
    const entering = this.handled.splice(0, count);
    this.inTransaction = this.inTransaction.length === 0 ? entering : this.inTransaction.concat(entering);
    return entering;
  }

  /** The transaction was aborted. */
  giveBack(): void {
    this.handled = [...this.inTransaction, ...this.handled];
    this.inTransaction = [];
  }
}
