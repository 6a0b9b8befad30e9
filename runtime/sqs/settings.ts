import { SettingsReader, type Environment } from '../dedup/settings-reader.js';
import type { EngineSettings, OnFailure } from '../consumer/settings.js';
import { assertConsumerName } from '../dedup/identity.js';

/** What the IdempotentConsumer construct knows at synth and its function needs at run time. */
export interface ConsumerSettings extends EngineSettings {
  /**
   * Table of the receipts and of what is known of failures. The transaction way (`sqsConsumer`) needs one. Without
   * it, failures cannot be told from receives, crash suspects are not found, and no group can be stopped.
   */
  readonly dedupTable?: string;
  /** Where rejected messages go, with the reason. */
  readonly deadLetterQueueUrl: string;
  /**
   * Where the messages come from: a message that failed comes again after a backoff instead of the whole visibility
   * timeout (R21).
   *
   * @default - it comes again when the visibility timeout ends
   */
  readonly queueUrl?: string;
  /**
   * The channel has two queues, and a message may come by both: its identity must be the producer's (R32).
   *
   * @default false
   */
  readonly spillover?: boolean;
}

/**
 * Reads the settings that the IdempotentConsumer construct put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function consumerSettings(environment: Environment): ConsumerSettings {
  const reader = new SettingsReader(environment, 'deploy the function with IdempotentConsumer');
  // The construct gives both or, for a way that keeps no receipts, neither.
  const receipts = environment.EXACTLY_ONCE_DEDUP_TABLE !== undefined && {
    dedupTable: reader.read('EXACTLY_ONCE_DEDUP_TABLE'),
    receiptRetentionSeconds: reader.readWhole('EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS'),
  };
  const {
    EXACTLY_ONCE_QUEUE_URL: queueUrl,
    EXACTLY_ONCE_MAX_FAILURES: maxFailures,
    EXACTLY_ONCE_ON_FAILURE: onFailure,
  } = environment;
  if (maxFailures !== undefined && !/^[1-9][0-9]{0,2}$/.test(maxFailures))
    reader.problems.push(`EXACTLY_ONCE_MAX_FAILURES must be 1 to 999, got '${maxFailures}'`);
  if (onFailure !== undefined && onFailure !== 'skip' && onFailure !== 'stop')
    reader.problems.push(`EXACTLY_ONCE_ON_FAILURE must be skip or stop, got '${onFailure}'`);
  const settings: ConsumerSettings = {
    consumerName: reader.read('EXACTLY_ONCE_CONSUMER_NAME'),
    ...receipts,
    deadLetterQueueUrl: reader.read('EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL'),
    ...(queueUrl && { queueUrl }),
    ...(environment.EXACTLY_ONCE_SPILLOVER && { spillover: true }),
    ...(maxFailures !== undefined && { maxFailures: Number(maxFailures) }),
    ...(onFailure !== undefined && { onFailure: onFailure as OnFailure }),
  };
  reader.end();
  assertConsumerName(settings.consumerName);
  return settings;
}
