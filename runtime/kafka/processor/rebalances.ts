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
    // Closing: nobody asks any more, and the client waits for an answer to either, for ever.
    if (this.#consumer !== undefined) this.#consumer.unassign();
    else {
      const kind = error.code === codes.assignPartitions ? 'assign' : 'revoke';
      this.#waiting.push({ kind, partitions });
    }
  };

  next(): Rebalance | undefined {
    return this.#waiting.shift();
  }

  /**
   * From now on partitions are given up at once; so are those that were taken in hand and, because that failed, never
   * answered.
   */
  close(consumer: ClientConsumer): void {
    this.#consumer = consumer;
    this.#waiting = [];
    try {
      consumer.unassign();
    } catch {
      // It has nothing any more: its connection is gone.
    }
  }
}
