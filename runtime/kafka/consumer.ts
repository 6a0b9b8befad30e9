import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Recognised } from '../consumer/arrival.js';
import type { Message } from '../consumer/message.js';
import { assertConsumerName } from '../dedup/identity.js';
import type { ConditionFailed } from '../dedup/trouble-errors.js';
import { DynamoStore } from '../dynamodb/dynamo-store.js';
import type { Leases } from '../dynamodb/lease-scope.js';
import { newClient, type DynamoDBClient } from '../dynamodb/new-client.js';
import { StoredText } from '../dynamodb/stored-text.js';
import { transactionWay, type RowReceipt } from '../dynamodb/transaction-way.js';
import type { Transaction } from '../dynamodb/transaction.js';
import { DeliveryCount } from './delivery-count.js';
import { recordHandler, type KafkaConsumer } from './handler.js';
import type { ByKey, ByPosition, RecordOptions } from './options.js';
import type { KafkaConsumerSettings } from './settings.js';

interface DynamoOptions<Schema extends StandardSchemaV1> extends RecordOptions<Schema> {
  /** What the construct knows: `kafkaConsumerSettings(process.env)`. */
  readonly settings: KafkaConsumerSettings;
  /**
   * Fills the transaction. May run more than once for one record, so it must have no effect outside `tx`. What it
   * returns is kept in the receipt. A throw means "try again"; `RejectMessage` means "never". Of the message, `group`
   * is the record's key, `attributes` its text headers, `sequence` its offset.
   */
  readonly handle: (message: Message<StandardSchemaV1.InferOutput<Schema>>, tx: Transaction) => unknown;
  /** As of `sqsConsumer`. @default - the record comes again, until the condition holds or it is dead-lettered */
  readonly onConditionFailed?: (
    failed: ConditionFailed,
    message: Message<StandardSchemaV1.InferOutput<Schema>>,
    tx: Transaction,
  ) => unknown;
  /** Gives transactions `tx.once`: `leases()` of exactly-once-aws/lease. @default - `tx.once` throws */
  readonly leases?: Leases;
  /**
   * Makes a row that `handle` inserts the receipt of its record, which saves 2 write units. @default - a receipt of
   * its own in the dedup table
   */
  readonly receipt?: RowReceipt<Message<StandardSchemaV1.InferOutput<Schema>>>;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
}

export type KafkaConsumerOptions<Schema extends StandardSchemaV1> = DynamoOptions<Schema> &
  (ByKey<Schema> | ByPosition);

/**
 * A Lambda handler whose Kafka records act exactly once on DynamoDB: any writes, in one transaction with the receipt.
 *
 * Guarantees: the writes that `handle` puts into its transaction become durable at most once per identity, whichever
 * instances are given the record, however often, and in whatever order a mapping retries and splits batches; a record
 * is acknowledged only when its receipt is durable or it is in the dead-letter queue with the reason; within a
 * partition (or a key of it) effects become durable in the order of offsets, behind a record that failed only when it
 * is through or dead-lettered.
 *
 * Does not guarantee: anything about effects that `handle` makes outside the transaction; anything of what the
 * mapping itself discards (see its retry attempts and record age) or the topic's retention has deleted.
 *
 * Costs, of the table: 2 write units per record beside 2 per written item, or none with `receipt`; and 1 write and 1
 * read unit per batch and partition, for the count of deliveries.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function kafkaConsumer<Schema extends StandardSchemaV1>(
  options: KafkaConsumerOptions<Schema>,
): KafkaConsumer {
  const { settings, dynamodb = newClient() } = options;
  const { consumerName, dedupTable, receiptRetentionSeconds: retentionSeconds } = settings;
  assertConsumerName(consumerName);
  const table = { tableName: dedupTable, retentionSeconds };
  const way = transactionWay<Message<BodyOf<Schema>>, Recognised<BodyOf<Schema>>>(
    new DynamoStore({ client: dynamodb, ...table }),
    options,
    options.leases?.({ client: dynamodb, ...table, consumerName }),
    options.receipt,
  );
  const rows = new StoredText(dynamodb, dedupTable, consumerName);
  const deliveries = new DeliveryCount(rows, consumerName);
  return recordHandler(options, {
    way,
    deliveries,
    failureStore: async () => {
      const { countedFailures, DynamoFailureStore } = await import('./trouble.js');
      return countedFailures(new DynamoFailureStore(dynamodb, dedupTable, consumerName), deliveries);
    },
    storeBody: async (id, body) =>
      (await import('./trouble.js')).storeBody(dynamodb, dedupTable, consumerName, id, body),
  });
}

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;
