import { SettingsReader, type Environment } from '../../dedup/settings-reader.js';
import type { ClientSettings } from '../../kafka/processor/client-port.js';
import { mskIam } from '../../kafka/processor/msk-iam.js';

/** What the SinkService construct tells its tasks. */
export interface KafkaSinkSettings {
  readonly sinkName: string;
  /** Spread into the options of `kafkaSource`. */
  readonly source: { readonly kafka: ClientSettings; readonly topics: readonly string[] };
  /** Spread into the options of `kafkaDeadLetters`. Undefined: no `deadLetterTopic` was given. */
  readonly deadLetters:
    { readonly kafka: ClientSettings; readonly topic: string; readonly sinkName: string } | undefined;
}

/**
 * Reads the variables that the SinkService construct sets for a sink with `kafkaCluster`, and signs in at MSK with
 * IAM.
 *
 * @throws InvalidSettings with all that are missing
 */
export function kafkaSinkSettings(environment: Environment): KafkaSinkSettings {
  const reader = new SettingsReader(environment, 'the SinkService construct sets it');
  const sinkName = reader.read('EXACTLY_ONCE_SINK');
  const topics = reader.read('EXACTLY_ONCE_KAFKA_TOPICS').split(',');
  const kafka = {
    'bootstrap.servers': reader.read('EXACTLY_ONCE_KAFKA_BOOTSTRAP_SERVERS'),
    ...mskIam(reader.read('AWS_REGION')),
  };
  reader.end();
  const topic = environment.EXACTLY_ONCE_KAFKA_DEAD_LETTER_TOPIC;
  return { sinkName, source: { kafka, topics }, deadLetters: topic ? { kafka, topic, sinkName } : undefined };
}
