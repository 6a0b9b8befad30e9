import type { DynamoStore } from './dynamo-store.js';
import type { Leases } from './lease-scope.js';
import type { ConditionFailed } from '../dedup/errors.js';
import { isFreezable } from '../dedup/json-data.js';
import type { Identified, Way } from '../dedup/way.js';
import { commitHandlings, Handling } from './handling.js';
import type { ReceiptDraft } from './receipt.js';
import { addressOf, type Row, type Table } from './table.js';
import type { Transaction } from './transaction.js';

/** A message that could be read: what a handler is given of it, with its identity. */
export interface Received<Given extends { readonly key: string }> extends Identified {
  readonly message: Given;
}

export interface Handlers<Given> {
  readonly handle: (message: Given, tx: Transaction) => unknown;
  readonly onConditionFailed?: (failed: ConditionFailed, message: Given, tx: Transaction) => unknown;
}

/**
 * A row that the handler makes anyway is the receipt of its message, so that none has to be written beside it: 2
 * write units less per message. The handler must make it with `tx.insert`, and so must its `onConditionFailed`.
 *
 * The guarantees are those of a receipt, for as long as the row is there: never delete one within the horizon, and
 * set no TTL on the table (R15). The row gets `xoToken`, `xoFingerprint` and, where the handler returns something,
 * `xoResult`.
 */
export interface RowReceipt<Given> {
  readonly table: Table;
  /** The key of the row, from what the producer wrote: the same for every copy of a message. */
  readonly key: (message: Given) => Row;
  /**
   * Receipts of the dedup table, written by this consumer before it had this option, are checked at every commit (2
   * write units more). Set it for as long as those receipts are kept. Without it they are found only where receipts
   * are looked for: when a message is delivered again, and before one is given up. That is enough where the handler
   * made this same row before: it stands in the way.
   *
   * @default false
   */
  readonly migrating?: boolean;
}

/**
 * Receipt and effects in one TransactWriteItems.
 *
 * @param onceFor gives transactions `tx.once`. @default - it throws
 * @param receipt the row that is the receipt. @default - a row of the dedup table
 */
export function transactionWay<
  Given extends { readonly key: string },
  Message extends Received<Given> = Received<Given>,
>(
  store: DynamoStore,
  { handle, onConditionFailed }: Handlers<Given>,
  onceFor?: ReturnType<Leases>,
  receipt?: RowReceipt<Given>,
): Way<Message, Handling> {
  const draftOf = ({ id, fingerprint, message }: Message): ReceiptDraft => ({
    id,
    fingerprint,
    ...(receipt && { at: addressOf(receipt.table, receipt.key(message)), migrating: receipt.migrating }),
  });
  return {
    forgets: receipt?.migrating ?? receipt === undefined,
    async prepare(received, { lane, ahead, limits }) {
      const { message, fingerprint } = received;
      const given = await givenAnew(message);
      const handling = new Handling(store, {
        receipt: draftOf(received),
        lane,
        handle: (tx) => handle(given(), tx),
        onConditionFailed: onConditionFailed && ((failed, tx) => onConditionFailed(failed, given(), tx)),
        once: onceFor?.(message.key, () => Math.max(0, limits().deadline - Date.now()), fingerprint),
      });
      await handling.run(limits(), undefined, ahead);
      return handling;
    },
    commit: async (handlings, limits) => ({ outcomes: await commitHandlings(store, handlings, limits) }),
    async recall(messages, limits, consistent) {
      const { recallMessages } = await import('./again.js');
      return recallMessages(messages, draftOf, (drafts) => store.recall(drafts, limits, consistent));
    },
  };
}

/** What a handler is given of a message, for each of its runs. */
async function givenAnew<Given>(message: Given): Promise<() => Given> {
  if (isFreezable((message as { readonly body?: unknown }).body)) return () => message;
  const { withOwnBody } = await import('./again.js');
  return () => withOwnBody(message);
}
