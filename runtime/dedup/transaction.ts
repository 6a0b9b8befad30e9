import { rowAbsent } from './conditions.js';
import { ItemWrittenTwice, TransactionTooLarge } from './errors.js';
import { addressOf, type Row, type Table } from './table.js';
import {
  conditionOf,
  putOf,
  summed,
  updateOf,
  type Change,
  type Write,
  type WriteCondition,
} from './write.js';

/** DynamoDB: at most 100 actions in one TransactWriteItems; one of them is the receipt. */
export const maxActions = 100;

/**
 * What a handler fills: its writes, committed in one step with the proof that its message was processed. Nothing is sent before
 * the handler has returned, and nothing at all when it throws. Every method checks its input at once and throws
 * {@link InvalidWrite}, {@link ItemWrittenTwice} or {@link TransactionTooLarge} in the handler, never later.
 *
 * Costs 2 write units per item of up to 1 KB (DynamoDB's price of a transactional write), the receipt included.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export class Transaction {
  readonly #writes = new Map<string, Write>();

  /** Writes the whole item, replacing one that is there. */
  put(table: Table, item: Row, condition?: WriteCondition): void {
    this.#join(putOf(table, item, conditionOf(table, condition)));
  }

  /** Writes a new item; one that is there already fails the commit with {@link ConditionFailed}. */
  insert(table: Table, item: Row): void {
    this.#join(putOf(table, item, rowAbsent(table.partitionKey)));
  }

  /** Changes attributes of an item, creating it when it is not there. `add` alone may be called again: it is summed. */
  update(table: Table, key: Row, change: Change): void {
    this.#join(updateOf(table, key, change));
  }

  /** Deletes an item; none there is fine unless the condition says otherwise. */
  delete(table: Table, key: Row, condition?: WriteCondition): void {
    this.#join({ kind: 'delete', address: addressOf(table, key), condition: conditionOf(table, condition) });
  }

  /** Commits only if the condition holds on an item that this message does not write. */
  check(table: Table, key: Row, condition: WriteCondition): void {
    this.#join({ kind: 'check', address: addressOf(table, key), condition: conditionOf(table, condition) });
  }

  /** The writes so far, in the order of their first mention. */
  get writes(): readonly Write[] {
    return [...this.#writes.values()];
  }

  #join(write: Write): void {
    const { id, tableName } = write.address;
    const before = this.#writes.get(id);
    const joined = before === undefined ? write : summed(before, write);
    if (joined === undefined) throw new ItemWrittenTwice(tableName, id);
    this.#writes.set(id, joined);
    if (this.#writes.size + 1 > maxActions)
      throw new TransactionTooLarge('actions', this.#writes.size + 1, maxActions);
  }
}
