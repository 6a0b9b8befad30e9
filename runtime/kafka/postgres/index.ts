/**
 * Records of Kafka, behind Lambda's mapping, that act exactly once on Postgres. The tables are those of
 * exactly-once-aws/postgres; the package `pg` is yours to bring.
 */
export { postgresKafkaConsumer, type PostgresKafkaConsumerOptions } from './consumer.js';
export { kafkaTopicIds, postgresKafkaSettings, type PostgresKafkaSettings } from '../settings.js';
export type { KafkaConsumer } from '../handler.js';
export type { KafkaOrder, KafkaValue } from '../delivery.js';
export type { KafkaEvent, KafkaRecord } from '../event.js';
export type { TopicIds } from '../position.js';
export type { KafkaBatchResponse } from '../response.js';
export { BatchComesAgain, TopicIdUnknown, TopicRecreated } from '../errors.js';
export { kafkaOriginAttribute, type KafkaOrigin } from '../origin.js';
export { base64 } from '../../sqs/decode/base64.js';
export { postgresLeases, type PostgresLeases } from '../../lease/postgres-leases.js';
export type { Isolation } from '../../postgres/begin.js';
export type { PostgresPool } from '../../postgres/client.js';
export type { PostgresTx } from '../../postgres/transaction.js';
export { DependencyFailed, ignore, IgnoreMessage, RejectMessage } from '../../dedup/errors.js';
export type { KeySource, Message } from '../../consumer/message.js';
