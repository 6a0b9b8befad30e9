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

  /** The offset to be committed with what is in the transaction: of the record after the last one. */
  get offset(): number {
    const last = this.inTransaction.at(-1);
    return last === undefined ? this.committed : last.message.offset + 1;
  }

  /** The transaction was committed. */
  settle(): void {
    this.committed = this.offset;
    this.inTransaction = [];
  }

  /** What the only message of an aborted transaction sends instead, when it is sent again. */
  replace(sendings: readonly Sending[]): void {
    this.inTransaction = this.inTransaction.map(({ message }) => ({ message, sendings }));
  }

  /** The transaction was aborted. */
  giveBack(): void {
    this.handled = [...this.inTransaction, ...this.handled];
    this.inTransaction = [];
  }
}
