import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DynamoStore } from '../dynamodb/dynamo-store.js';
import { InvalidSettings } from '../dedup/error.js';
import type { ConditionFailed } from '../dedup/trouble-errors.js';
import { receiptId } from '../dedup/identity.js';
import { letGo } from '../dedup/let-go.js';
import type { Leases } from '../dynamodb/lease-scope.js';
import type { Transaction } from '../dynamodb/transaction.js';
import { handlerOf, type ConsumerOptions, type SqsConsumer } from './handler.js';
import type { Recognised } from '../consumer/arrival.js';
import type { KeySource, Message } from '../consumer/message.js';
import { transactionWay, type RowReceipt } from '../dynamodb/transaction-way.js';

export interface SqsConsumerOptions<Schema extends StandardSchemaV1> extends ConsumerOptions<Schema> {
  /**
   * Makes the message's identity from what the producer wrote: body, attributes, group. SQS's own ids are not
   * offered, because a redrive changes them.
   */
  readonly key: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => string;
  /**
   * Fills the transaction. May run more than once for one message, so it must have no effect outside `tx`. What it
   * returns is kept in the receipt. A throw means "try again"; {@link RejectMessage} means "never".
   */
  readonly handle: (message: Message<StandardSchemaV1.InferOutput<Schema>>, tx: Transaction) => unknown;
  /**
   * Answers to a condition of `handle`'s own that did not hold: `failed` says on which item, and how it stood. Fills
   * another transaction, such as a record of the refusal, which is committed with the receipt in place of the first;
   * the message is then processed. It sees the item as it was when the condition failed; where that has to be true at
   * the commit too, read it with `tx.get`. When what it read has changed, `handle` runs again from the beginning.
   *
   * A throw means as in `handle`. A condition of this transaction that fails: the message comes again.
   *
   * @default - the message comes again, until the condition holds or the message is dead-lettered
   */
  readonly onConditionFailed?: (
    failed: ConditionFailed,
    message: Message<StandardSchemaV1.InferOutput<Schema>>,
    tx: Transaction,
  ) => unknown;
  /** Gives transactions `tx.once`: `leases()` of exactly-once-aws/lease. @default - `tx.once` throws */
  readonly leases?: Leases;
  /**
   * Makes a row that `handle` inserts the receipt of its message. @default - a receipt of its own in the dedup table
   */
  readonly receipt?: RowReceipt<Message<StandardSchemaV1.InferOutput<Schema>>>;
}

/**
 * A Lambda handler whose messages act exactly once on DynamoDB: any writes, in one transaction with the receipt.
 *
 * Guarantees: the writes that `handle` puts into its transaction become durable at most once per key, and a message
 * is acknowledged only when its receipt is durable or it is in the dead-letter queue with the reason. Messages of one
 * FIFO group act in order: one that must come again holds back all later ones of its group. Groups run side by side.
 *
 * Does not guarantee: anything about effects that `handle` makes outside the transaction; a single message's wait.
 *
 * The event source must report batch item failures (the IdempotentConsumer construct sets it up).
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function sqsConsumer<Schema extends StandardSchemaV1>(
  options: SqsConsumerOptions<Schema>,
): SqsConsumer {
  const { consumerName, dedupTable, receiptRetentionSeconds } = options.settings;
  if (dedupTable === undefined || receiptRetentionSeconds === undefined)
    throw new InvalidSettings([
      'dedupTable and receiptRetentionSeconds are not set; deploy with IdempotentConsumer and its default commitWay, ' +
        'or set EXACTLY_ONCE_DEDUP_TABLE and EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS',
    ]);
  const table = { tableName: dedupTable, retentionSeconds: receiptRetentionSeconds };
  return handlerOf(
    options,
    (source) => {
      const key = letGo(options.key(source));
      return { key, id: receiptId(consumerName, key) };
    },
    ({ dynamodb: client }) =>
      transactionWay<
        Message<StandardSchemaV1.InferOutput<Schema>>,
        Recognised<StandardSchemaV1.InferOutput<Schema>>
      >(
        new DynamoStore({ client, ...table }),
        options,
        options.leases?.({ client, ...table, consumerName }),
        options.receipt,
      ),
  );
}
