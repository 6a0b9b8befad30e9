/**
 * Kafka as the log of a sink. An entry of its own: its client is native code that nobody gets unasked.
 *
 * ```ts
 * const source = kafkaSource({ kafka: { 'bootstrap.servers': '…' }, topics: ['shop.public.payments'] });
 * ```
 */
import { warnOfOldNode } from '../../telemetry/node-version.js';

export { kafkaSource, type KafkaSource, type KafkaSourceOptions } from './kafka-source.js';
export { kafkaDeadLetters, type KafkaDeadLetters, type KafkaDeadLettersOptions } from './dead-letters.js';
export { kafkaSinkSettings, type KafkaSinkSettings } from './settings.js';
export { TopicRecreated } from './topic-recreated.js';

warnOfOldNode();
