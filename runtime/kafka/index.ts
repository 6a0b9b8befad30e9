export {
  kafkaConsumer,
  type KafkaConsumer,
  type KafkaConsumerOptions,
} from './consumer.js';
export type { KafkaOrder, KafkaValue } from './delivery.js';
export { kafkaOriginAttribute, type KafkaOrigin } from './dead-letter.js';
export { BatchComesAgain, TopicIdUnknown, TopicRecreated } from './errors.js';
export type { KafkaEvent, KafkaRecord } from './event.js';
export type { TopicIds } from './position.js';
export type { KafkaBatchResponse } from './response.js';
export { kafkaConsumerSettings, kafkaTopicIds, type KafkaConsumerSettings } from './settings.js';
export { base64 } from '../sqs/decode/base64.js';
export { decoded, type Decode, type DecodeContext, type DecodeResult } from '../consumer/decode/decode.js';
export { DependencyFailed, ignore, IgnoreMessage, RejectMessage } from '../dedup/errors.js';
export type { KeySource, Message, TransportFacts } from '../consumer/message.js';
export type { SentLetter as DeadLetter } from '../sqs/letter.js';
export { deadLetterAttribute } from '../sqs/message-attributes.js';
export { logSummary, type BatchSummary, type Problem } from '../telemetry/batch-summary.js';
export { metricsObserver, type MetricsSink } from '../telemetry/metrics-observer.js';
