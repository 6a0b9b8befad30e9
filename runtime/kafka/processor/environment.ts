import { SettingsReader, type Environment } from '../../dedup/settings-reader.js';
import { mskIam } from './msk-iam.js';
import type { KafkaProcessorOptions } from './options.js';

/** What the KafkaProcessor construct tells its tasks. */
export interface KafkaProcessorSettings {
  /** Spread into the options of `kafkaProcessor`. */
  readonly processor: Pick<KafkaProcessorOptions, 'consumerName' | 'topics' | 'kafka' | 'deadLetterTopic'>;
  /** Spread into the options of `dynamoSlots`. */
  readonly slots: { readonly tableName: string; readonly count: number };
}

/**
 * Reads the variables that the KafkaProcessor construct sets, and signs in at MSK with IAM.
 *
 * @throws InvalidSettings with all that are missing
 */
export function kafkaProcessorSettings(environment: Environment): KafkaProcessorSettings {
  const reader = new SettingsReader(environment, 'the KafkaProcessor construct sets it');
  const deadLetterTopic = environment.EXACTLY_ONCE_KAFKA_DEAD_LETTER_TOPIC;
  const settings: KafkaProcessorSettings = {
    processor: {
      consumerName: reader.read('EXACTLY_ONCE_KAFKA_CONSUMER_NAME'),
      topics: reader.read('EXACTLY_ONCE_KAFKA_TOPICS').split(','),
      kafka: {
        'bootstrap.servers': reader.read('EXACTLY_ONCE_KAFKA_BOOTSTRAP_SERVERS'),
        ...mskIam(reader.read('AWS_REGION')),
      },
      ...(deadLetterTopic && { deadLetterTopic }),
    },
    slots: {
      tableName: reader.read('EXACTLY_ONCE_KAFKA_DEDUP_TABLE'),
      count: reader.readWhole('EXACTLY_ONCE_KAFKA_SLOTS'),
    },
  };
  reader.end();
  return settings;
}
