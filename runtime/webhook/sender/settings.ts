import { SettingsReader, type Environment } from '../../dedup/settings-reader.js';
import { InvalidSettings } from '../../dedup/errors.js';
import { assertConsumerName } from '../../dedup/identity.js';

/** What the WebhookSender construct knows at synth and its functions need at run time. */
export interface WebhookSenderSettings {
  /** Stable name of the sender: its receipts belong to it (R1). */
  readonly senderName: string;
  /** Table of endpoints and deliveries. */
  readonly table: string;
  /** Table of the receipts: what a worker tells of endpoints is committed with one. Others need none. */
  readonly dedupTable?: string;
  /** How many workers may send side by side. May be raised, and lowered only when nothing is registered. */
  readonly shards: number;
  /** How long an event and its deliveries are kept, in seconds. */
  readonly retentionSeconds: number;
  /** Queue that wakes the workers. @default - they look once a minute */
  readonly wakeQueueUrl?: string;
}

/** Most shards: each is a partition of the index. */
export const maxShards = 256;

/**
 * Reads the settings that the WebhookSender construct put into the function's environment.
 *
 * @param environment usually `process.env`
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function webhookSenderSettings(environment: Environment): WebhookSenderSettings {
  const reader = new SettingsReader(environment, 'deploy the function with WebhookSender');
  const { EXACTLY_ONCE_WEBHOOK_WAKE_QUEUE_URL: wakeQueueUrl, EXACTLY_ONCE_DEDUP_TABLE: dedupTable } =
    environment;
  const settings = {
    senderName: reader.read('EXACTLY_ONCE_WEBHOOK_SENDER'),
    table: reader.read('EXACTLY_ONCE_WEBHOOK_TABLE'),
    shards: reader.readWhole('EXACTLY_ONCE_WEBHOOK_SHARDS'),
    retentionSeconds: reader.readWhole('EXACTLY_ONCE_WEBHOOK_RETENTION_SECONDS'),
    ...(wakeQueueUrl && { wakeQueueUrl }),
    ...(dedupTable && { dedupTable }),
  };
  reader.end();
  assertSenderSettings(settings);
  return settings;
}

/** @throws InvalidSettings naming everything that is out of range. */
export function assertSenderSettings({ senderName, shards, retentionSeconds }: WebhookSenderSettings): void {
  assertConsumerName(senderName);
  const problems = [];
  if (!Number.isInteger(shards) || shards < 1 || shards > maxShards)
    problems.push(`shards must be a whole number from 1 to ${maxShards}, got ${shards}`);
  if (!Number.isSafeInteger(retentionSeconds) || retentionSeconds < 86_400)
    problems.push(`retentionSeconds must be a whole number from 86,400 (a day), got ${retentionSeconds}`);
  if (problems.length > 0) throw new InvalidSettings(problems);
}
