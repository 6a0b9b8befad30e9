import { InvalidSettings } from '../../dedup/errors.js';
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
export function kafkaProcessorSettings(
  environment: Readonly<Record<string, string | undefined>>,
): KafkaProcessorSettings {
  const problems: string[] = [];
  const read = (name: string): string => {
    const value = environment[name];
    if (!value) problems.push(`${name} is not set; the KafkaProcessor construct sets it, or set it by hand`);
    return value ?? '';
  };
  const deadLetterTopic = environment.EXACTLY_ONCE_KAFKA_DEAD_LETTER_TOPIC;
  const settings: KafkaProcessorSettings = {
    processor: {
      consumerName: read('EXACTLY_ONCE_KAFKA_CONSUMER_NAME'),
      topics: read('EXACTLY_ONCE_KAFKA_TOPICS').split(','),
      kafka: {
        'bootstrap.servers': read('EXACTLY_ONCE_KAFKA_BOOTSTRAP_SERVERS'),
        ...mskIam(read('AWS_REGION')),
      },
      ...(deadLetterTopic && { deadLetterTopic }),
    },
    slots: {
      tableName: read('EXACTLY_ONCE_KAFKA_DEDUP_TABLE'),
      count: Number(read('EXACTLY_ONCE_KAFKA_SLOTS')),
    },
  };
  if (problems.length > 0) throw new InvalidSettings(problems);
  return settings;
}
