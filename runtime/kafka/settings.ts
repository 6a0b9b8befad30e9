import { InvalidSettings } from '../dedup/error.js';
import { SettingsReader, type Environment } from '../dedup/settings-reader.js';
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

const reportsVariable = 'EXACTLY_ONCE_REPORTS_ITEM_FAILURES';
const topicIdsVariable = 'EXACTLY_ONCE_TOPIC_IDS';

/**
 * Reads the settings that the KafkaConsumer construct put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function kafkaConsumerSettings(environment: Environment): KafkaConsumerSettings {
  const { consumerName, dedupTable, receiptRetentionSeconds, deadLetterQueueUrl, maxFailures, onFailure } =
    consumerSettings(environment);
  const problems: string[] = [];
  if (dedupTable === undefined || receiptRetentionSeconds === undefined)
    problems.push('EXACTLY_ONCE_DEDUP_TABLE is not set; deploy the function with KafkaConsumer');
  if (onFailure === 'stop') problems.push(neverStops);
  const reportsItemFailures = readReports(environment, problems);
  if (problems.length > 0) throw new InvalidSettings(problems);
  return {
    consumerName,
    dedupTable: dedupTable ?? '',
    receiptRetentionSeconds: receiptRetentionSeconds ?? 0,
    deadLetterQueueUrl,
    ...(maxFailures !== undefined && { maxFailures }),
    ...(reportsItemFailures && { reportsItemFailures }),
  };
}

/**
 * Whether there are partial responses: only where it says so, because a mapping that does not ask for them takes one
 * for a success, and what comes again would be lost.
 */
function readReports(environment: Environment, problems: string[]): boolean {
  const text = environment[reportsVariable] || 'false';
  if (text !== 'true' && text !== 'false')
    problems.push(`${reportsVariable} must be true or false, got '${text}'`);
  return text === 'true';
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
export function postgresKafkaSettings(environment: Environment): PostgresKafkaSettings {
  const { consumerName, deadLetterQueueUrl, maxFailures, onFailure } = consumerSettings(environment);
  const reader = new SettingsReader(environment, 'deploy the function with KafkaConsumer');
  if (onFailure === 'stop') reader.problems.push(neverStops);
  const receiptRetentionSeconds = environment.EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS
    ? reader.readWhole('EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS')
    : undefined;
  const reportsItemFailures = readReports(environment, reader.problems);
  reader.end();
  return {
    consumerName,
    deadLetterQueueUrl,
    ...(receiptRetentionSeconds !== undefined && { receiptRetentionSeconds }),
    ...(maxFailures !== undefined && { maxFailures }),
    ...(reportsItemFailures && { reportsItemFailures }),
  };
}

/**
 * The ids of the topics that the KafkaConsumer construct was given.
 *
 * @throws InvalidSettings when there are none: without one no position tells a record from that of an older topic.
 */
export function kafkaTopicIds(environment: Environment): TopicIds {
  const text = environment[topicIdsVariable];
  try {
    const ids: unknown = JSON.parse(text ?? '');
    // An empty id is none: it would be that of every topic.
    const isId = (id: unknown) => typeof id === 'string' && id !== '';
    const isMap = Object(ids) === ids && Object.values(ids as object).every(isId);
    if (isMap) return ids as TopicIds;
  } catch {
    // Told below.
  }
  throw new InvalidSettings([
    `${topicIdsVariable} must be a JSON object of topic ids by topic name; give KafkaConsumer topicIds, or let ` +
      'the producer give each record a key',
  ]);
}
