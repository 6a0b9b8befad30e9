export { sqsConsumer, type SqsConsumerOptions } from './transaction-consumer.js';
export { sqsInsertConsumer, type SqsInsertConsumerOptions } from './insert-consumer.js';
export {
  sqsAggregateConsumer,
  type ProducerVersion,
  type SqsAggregateConsumerOptions,
} from './aggregate-consumer.js';
export { sqsNaturalConsumer, type SqsNaturalConsumerOptions } from './natural-consumer.js';
export type { ConsumerOptions, SqsConsumer } from './handler.js';
export * from './decode/index.js';
export { DependencyFailed, ignore, IgnoreMessage } from '../dedup/errors.js';
export { consumerSettings, type ConsumerSettings } from './settings.js';
export type { KeySource, Message, TransportFacts } from '../consumer/message.js';
export type { SentLetter as DeadLetter } from './letter.js';
export type { Outcome } from '../dedup/outcome.js';
export { deadLetterAttribute } from './message-attributes.js';
export {
  logSummary,
  summaryLines,
  type BatchSummary,
  type Problem,
  type SummaryLine,
} from '../telemetry/batch-summary.js';
export { metricsObserver, type MetricsSink } from '../telemetry/metrics-observer.js';
