/**
 * `exactly-once-aws/kafka/processor`: transactions inside Kafka. Topics are read, a handler is called per record, and
 * what it sends is committed together with the offsets, or nothing is.
 */
export type { ClientModule, ClientSettings } from './client-port.js';
export { armProcessorCrashPoints, processorCrashPoints, type ProcessorCrashPoint } from './crash-points.js';
export { deadLetterHeaders } from './dead-letter.js';
export {
  DestinationMissing,
  KafkaFailed,
  OffsetMissing,
  PoisonRecord,
  ProcessorFenced,
  RecordRefused,
  SlotLost,
  SlotsTaken,
  TopicRecreated,
  TransactionsFailing,
} from './errors.js';
export { dynamoSlots, type DynamoSlotsOptions } from './dynamo-slots.js';
export { kafkaProcessorSettings, type KafkaProcessorSettings } from './environment.js';
export type { ProcessorEvent } from './events.js';
export { logProcessorEvents } from './log-events.js';
export type { KafkaMessage, KafkaTransaction, OutgoingRecord } from './message.js';
export { mskIam } from './msk-iam.js';
export type { KafkaProcessorOptions, SlotLeases } from './options.js';
export { kafkaProcessor, type KafkaProcessor } from './processor.js';
export { DependencyFailed, RejectMessage } from '../../dedup/errors.js';
