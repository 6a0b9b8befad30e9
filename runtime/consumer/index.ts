export { sqsConsumer, type SqsConsumerOptions } from './sqs-consumer.js';
export { sqsInsertConsumer, type SqsInsertConsumerOptions } from './sqs-insert-consumer.js';
export {
  sqsAggregateConsumer,
  type ProducerVersion,
  type SqsAggregateConsumerOptions,
} from './sqs-aggregate-consumer.js';
export { sqsNaturalConsumer, type SqsNaturalConsumerOptions } from './sqs-natural-consumer.js';
export type { ConsumerOptions, SqsConsumer } from './handler.js';
export * from './decode/index.js';
export { DependencyFailed, ignore, IgnoreMessage } from '../dedup/errors.js';
export { consumerSettings, type ConsumerSettings } from './settings.js';
export type { KeySource, Message, Transport } from './message.js';
export type { DeadLetter } from './dead-letter.js';
export { deadLetterAttribute } from '../dedup/message-attributes.js';
export { logSummary, type BatchSummary, type Problem, type RecordOutcome } from './summary.js';
export { metricsObserver, type MetricsSink } from './metrics-observer.js';
