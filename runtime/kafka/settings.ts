import { InvalidSettings } from '../dedup/error.js';
import { SettingsReader } from '../dedup/settings-reader.js';
import type { EngineSettings } from '../consumer/settings.js';
import { consumerSettings } from '../sqs/settings.js';
import type { TopicIds } from './position.js';

/** What the KafkaConsumer construct knows at synth and its function needs at run time. */
export interface KafkaConsumerSettings extends Omit<EngineSettings, 'onFailure'> {
  /** Table of the receipts, of what is known of failures, and of how often records were handed out. */
  readonly dedupTable: string;
  readonly receiptRetentionSeconds: number;
  /** Queue for rejected records, with the reason. Kafka has none, and Lambda's destination takes whole batches. */
  readonly deadLetterQueueUrl: string;
  /**
   * The mapping has provisioned pollers and `ReportBatchItemFailures`: it is told which records come again. Otherwise
   * all of a batch comes again, because a mapping that does not ask takes such an answer for a success.
   *
   * @default false
   */
  readonly reportsItemFailures?: boolean;
}

const neverStops =
  'EXACTLY_ONCE_ON_FAILURE must be skip for Kafka, got stop: what is parked is drained by a message in a queue';

const topicIdsVariable = 'EXACTLY_ONCE_TOPIC_IDS';

/**
 * Reads the settings that the KafkaConsumer construct put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function kafkaConsumerSettings(
  environment: Readonly<Record<string, string | undefined>>,
): KafkaConsumerSettings {
  const { consumerName, dedupTable, receiptRetentionSeconds, deadLetterQueueUrl, maxFailures, onFailure } =
    consumerSettings(environment);
  const problems = [];
  if (dedupTable === undefined || receiptRetentionSeconds === undefined)
    problems.push('EXACTLY_ONCE_DEDUP_TABLE is not set; deploy the function with KafkaConsumer');
  if (onFailure === 'stop') problems.push(neverStops);
  if (problems.length > 0) throw new InvalidSettings(problems);
  return {
    consumerName,
    dedupTable: dedupTable ?? '',
    receiptRetentionSeconds: receiptRetentionSeconds ?? 0,
    deadLetterQueueUrl,
    ...(maxFailures !== undefined && { maxFailures }),
    ...(environment.EXACTLY_ONCE_REPORTS_ITEM_FAILURES && { reportsItemFailures: true }),
  };
}

/** What the function of a consumer of Kafka on Postgres needs to know at run time. */
export interface PostgresKafkaSettings extends Omit<
  KafkaConsumerSettings,
  'dedupTable' | 'receiptRetentionSeconds'
> {
  /** How long a receipt lives, in seconds. @default - an option of `postgresKafkaConsumer` */
  readonly receiptRetentionSeconds?: number;
}

/**
 * The same for a consumer on Postgres: EXACTLY_ONCE_CONSUMER_NAME, EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL and, as they
 * apply, EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS, EXACTLY_ONCE_MAX_FAILURES, EXACTLY_ONCE_REPORTS_ITEM_FAILURES.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function postgresKafkaSettings(
  environment: Readonly<Record<string, string | undefined>>,
): PostgresKafkaSettings {
  const { consumerName, deadLetterQueueUrl, maxFailures, onFailure } = consumerSettings(environment);
  const reader = new SettingsReader(environment, 'deploy the function with KafkaConsumer');
  if (onFailure === 'stop') reader.problems.push(neverStops);
  const receiptRetentionSeconds = environment.EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS
    ? reader.readWhole('EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS')
    : undefined;
  reader.end();
  return {
    consumerName,
    deadLetterQueueUrl,
    ...(receiptRetentionSeconds !== undefined && { receiptRetentionSeconds }),
    ...(maxFailures !== undefined && { maxFailures }),
    ...(environment.EXACTLY_ONCE_REPORTS_ITEM_FAILURES && { reportsItemFailures: true }),
  };
}

/**
 * The ids of the topics that the KafkaConsumer construct was given.
 *
 * @throws InvalidSettings when there are none: without one no position tells a record from that of an older topic.
 */
export function kafkaTopicIds(environment: Readonly<Record<string, string | undefined>>): TopicIds {
  const text = environment[topicIdsVariable];
  try {
    const ids: unknown = JSON.parse(text ?? '');
    const isMap = Object(ids) === ids && Object.values(ids as object).every((id) => typeof id === 'string');
    if (isMap) return ids as TopicIds;
  } catch {
    // Told below.
  }
  throw new InvalidSettings([
    `${topicIdsVariable} must be a JSON object of topic ids by topic name; give KafkaConsumer topicIds, or let ` +
      'the producer give each record a key',
  ]);
}
