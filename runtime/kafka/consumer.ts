import type { SQSClient } from '@aws-sdk/client-sqs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Context } from 'aws-lambda';
import type { Recognised } from '../consumer/arrival.js';
import { Engine } from '../consumer/batch.js';
import type { Decode } from '../consumer/decode/decode.js';
import type { KeySource, Message } from '../consumer/message.js';
import { assertConsumerName, receiptId } from '../dedup/identity.js';
import { Meter } from '../dedup/meter.js';
import type { ConditionFailed } from '../dedup/trouble-errors.js';
import { DynamoStore } from '../dynamodb/dynamo-store.js';
import type { Handling } from '../dynamodb/handling.js';
import type { Leases } from '../dynamodb/lease-scope.js';
import { newClient, type DynamoDBClient } from '../dynamodb/new-client.js';
import { transactionWay, type RowReceipt } from '../dynamodb/transaction-way.js';
import type { Transaction } from '../dynamodb/transaction.js';
import { logSummary, type BatchSummary } from '../telemetry/batch-summary.js';
import { DeliveryCount } from './delivery-count.js';
import type { KafkaDelivery, KafkaOrder, KafkaValue } from './delivery.js';
import { recordsOf, type HandedOut, type KafkaEvent } from './event.js';
import { byPosition, identifyByPosition, type TopicIds } from './position.js';
import { responseOf, type KafkaBatchResponse } from './response.js';
import type { KafkaConsumerSettings } from './settings.js';
import { kafkaTransport } from './transport.js';

interface CommonOptions<Schema extends StandardSchemaV1> {
  /** What the construct knows: `kafkaConsumerSettings(process.env)`. */
  readonly settings: KafkaConsumerSettings;
  /**
   * Validates the value (zod, valibot, arktype, ...: https://standardschema.dev). A value that it refuses is
   * dead-lettered. A tombstone is null: allow it, or ignore it in `decode`.
   */
  readonly schema: Schema;
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
  /**
   * Takes off what the value wears. Several run in turn, the outermost coat first.
   *
   * @default - the value is JSON, as it is also where the mapping has a schema registry whose format is JSON
   */
  readonly decode?: Decode | readonly Decode[];
  /** `base64`: values are bytes, and the first decoder is given their base64. @default 'text' */
  readonly value?: KafkaValue;
  /**
   * What keeps its order: a whole `partition`, as in Kafka, or the records of a `key` in it. With `key`, a record
   * that has to come again holds back those of its key alone, and handlers that read run side by side.
   *
   * @default 'partition'
   */
  readonly order?: KafkaOrder;
  /** Gives transactions `tx.once`: `leases()` of exactly-once-aws/lease. @default - `tx.once` throws */
  readonly leases?: Leases;
  /**
   * Makes a row that `handle` inserts the receipt of its record, which saves 2 write units. @default - a receipt of
   * its own in the dedup table
   */
  readonly receipt?: RowReceipt<Message<StandardSchemaV1.InferOutput<Schema>>>;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
  /** For the dead-letter queue. @default - made when the first record is rejected */
  readonly sqs?: SQSClient;
  /** Called once per batch. @default - one JSON line per batch and per problem on stdout */
  readonly observe?: (summary: BatchSummary) => void;
}

interface ByKey<Schema extends StandardSchemaV1> extends CommonOptions<Schema> {
  /**
   * Makes the record's identity from what the producer wrote: value, text headers (`attributes`), record key
   * (`group`). It recognises every copy: one that Lambda hands out again, one that the producer sent twice, one from
   * a mirror of the topic or from the dead-letter queue.
   */
  readonly key: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => string;
  /** Selects what two copies must agree on. @default - the whole value, decoded, before the schema */
  readonly fingerprint?: (body: StandardSchemaV1.InferOutput<Schema>) => unknown;
  readonly topicIds?: undefined;
}

interface ByPosition<Schema extends StandardSchemaV1> extends CommonOptions<Schema> {
  /**
   * The record is known by its place: topic id, partition, offset. That recognises what Lambda hands out again, and
   * not what the producer has sent twice without an idempotent producer.
   */
  readonly key: 'position';
  /**
   * Ids of the topics by name: `kafkaTopicIds(process.env)`. Without them the records of a topic that is made anew
   * would be taken for those of the old one, and be lost.
   */
  readonly topicIds: TopicIds;
  readonly fingerprint?: undefined;
}

export type KafkaConsumerOptions<Schema extends StandardSchemaV1> = ByKey<Schema> | ByPosition<Schema>;

/** A Lambda handler for an MSK or self-managed Kafka event source. */
export type KafkaConsumer = (
  event: KafkaEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<KafkaBatchResponse>;

/** Of the time that is left, what counting deliveries may take. */
const countingPart = 0.25;

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
  const { settings, dynamodb = newClient(), observe = logSummary, schema, decode } = options;
  const { consumerName, dedupTable, receiptRetentionSeconds: retentionSeconds } = settings;
  assertConsumerName(consumerName);
  const table = { tableName: dedupTable, retentionSeconds };
  const way = transactionWay<Message<BodyOf<Schema>>, Recognised<BodyOf<Schema>>>(
    new DynamoStore({ client: dynamodb, ...table }),
    options,
    options.leases?.({ client: dynamodb, ...table, consumerName }),
    options.receipt,
  );
  const deliveries = new DeliveryCount(dynamodb, dedupTable, consumerName);
  const engine = new Engine<HandedOut, Schema, KafkaDelivery, Handling>({
    settings,
    schema,
    ...(decode !== undefined && { decodersOf: () => [decode].flat() }),
    ...(options.key === 'position'
      ? { identify: identifyByPosition(options.topicIds, consumerName), way: byPosition(way) }
      : { identify: identifyByKey(options.key, consumerName), fingerprint: options.fingerprint, way }),
    observe,
    transport: kafkaTransport({
      order: options.order ?? 'partition',
      value: options.value ?? 'text',
      deadLetters: {
        client: queueClient(options.sqs),
        deadLetterQueueUrl: settings.deadLetterQueueUrl,
        storeBody: async (id, body) =>
          (await import('./trouble.js')).storeBody(dynamodb, dedupTable, consumerName, id, body),
      },
    }),
    failureStore: async () => {
      const { countedFailures, DynamoFailureStore } = await import('./trouble.js');
      return countedFailures(new DynamoFailureStore(dynamodb, dedupTable, consumerName), deliveries);
    },
  });
  return async (event, context) => {
    const remainingMs = () => context.getRemainingTimeInMillis();
    const limits = () => ({ deadline: Date.now() + remainingMs() * countingPart, meter: new Meter() });
    const records = await deliveries.count(recordsOf(event), limits());
    const back = await engine.run(records, remainingMs);
    if (back.length > 0)
      await deliveries.settled(
        records.filter((one) => !back.includes(one)),
        limits(),
      );
    return responseOf(back, records.length, settings.reportsItemFailures ?? false);
  };
}

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

function identifyByKey<Body>(keyOf: (source: KeySource<Body>) => string, consumerName: string) {
  return (source: KeySource<Body>) => {
    const key = keyOf(source);
    return { key, id: receiptId(consumerName, key) };
  };
}

/** A client that is made when it is first needed. */
function queueClient(given: SQSClient | undefined): () => Promise<SQSClient> {
  let sqs = given;
  return async () => {
    const { SQSClient } = await import('../sqs/client.js');
    // Else the client follows the host in the queue's URL, past the endpoint that it was given.
    return (sqs ??= new SQSClient({ useQueueUrlAsEndpoint: false }));
  };
}
