import type { ClientConsumer, ClientError, TopicPartition } from './client-port.js';
import { codes } from './error-codes.js';

export interface Rebalance {
  readonly kind: 'assign' | 'revoke';
  readonly partitions: readonly TopicPartition[];
}

/**
 * Keeps the group's decisions until the processor is between two transactions. The group waits for it: this member is
 * not asked to join again before it has given its partitions up, so that the offsets of an open transaction are
 * always sent with the membership under which its records were fetched.
 */
export class Rebalances {
  #waiting: Rebalance[] = [];
  #consumer: ClientConsumer | undefined;

  /** For `rebalance_cb`. */
  readonly callback = (error: ClientError, partitions: readonly TopicPartition[]): void => {
    if (error.code === codes.assignPartitions) this.#waiting.push({ kind: 'assign', partitions });
    else if (this.#consumer === undefined) this.#waiting.push({ kind: 'revoke', partitions });
    // Closing: nobody asks any more, and the client waits for this.
    else this.#consumer.unassign();
  };

  next(): Rebalance | undefined {
    return this.#waiting.shift();
  }

  /** From now on partitions are given up at once. */
  close(consumer: ClientConsumer): void {
    this.#consumer = consumer;
    if (this.#waiting.some(({ kind }) => kind === 'revoke')) consumer.unassign();
    this.#waiting = [];
  }
}
