export { sqsConsumer, type SqsConsumer, type SqsConsumerOptions } from './sqs-consumer.js';
export { consumerSettings, type ConsumerSettings } from './settings.js';
export type { KeySource, Message, Transport } from './message.js';
export { deadLetterAttribute, type DeadLetter } from './dead-letter.js';
export { logSummary, type BatchSummary, type Problem, type RecordOutcome } from './summary.js';
