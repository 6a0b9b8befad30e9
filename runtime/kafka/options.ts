import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Decode } from '../consumer/decode/decode.js';
import type { KeySource } from '../consumer/message.js';
import type { BatchSummary } from '../telemetry/batch-summary.js';
import type { KafkaOrder, KafkaValue } from './delivery.js';
import type { TopicIds } from './position.js';
import type { SQSClient } from './queue-client.js';

/** How records are read, whichever store they act on. */
export interface RecordOptions<Schema extends StandardSchemaV1> {
  /**
   * Validates the value (zod, valibot, arktype, ...: https://standardschema.dev). A value that it refuses is
   * dead-lettered. A tombstone is null: allow it, or ignore it in `decode`.
   */
  readonly schema: Schema;
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
  /** For the dead-letter queue. @default - made when the first record is rejected */
  readonly sqs?: SQSClient;
  /** Called once per batch. @default - one JSON line per batch and per problem on stdout */
  readonly observe?: (summary: BatchSummary) => void;
}

export interface ByKey<Schema extends StandardSchemaV1> {
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

export interface ByPosition {
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
