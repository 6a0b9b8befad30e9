import { SettingsReader, type Environment } from '../dedup/settings-reader.js';
import { InvalidSettings } from '../dedup/errors.js';
import { assertConsumerName } from '../dedup/identity.js';

/** What every receiver needs to know at run time, wherever its receipts are. */
export interface ReceiverSettings {
  /** Stable name of the receiver; receipts belong to it (R1). */
  readonly receiverName: string;
  /** How long an event is known, in seconds: longer than its sender goes on sending it. */
  readonly windowSeconds: number;
  /** Where the secret of each source is in Secrets Manager. */
  readonly secretIds: Readonly<Record<string, string>>;
}

/** What the WebhookReceiver construct knows at synth and its function needs at run time. */
export interface WebhookSettings extends ReceiverSettings {
  /** Table of the receipts. */
  readonly dedupTable: string;
}

/** Longest window: 90 days. */
export const maxWindowSeconds = 90 * 24 * 3600;

/**
 * Reads the settings that the WebhookReceiver construct put into the function's environment.
 *
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function webhookSettings(environment: Environment): WebhookSettings {
  const reader = new SettingsReader(environment, 'deploy the function with WebhookReceiver');
  const settings = {
    ...receiverOf(reader, environment),
    dedupTable: reader.read('EXACTLY_ONCE_DEDUP_TABLE'),
  };
  reader.end();
  return settings;
}

/**
 * Reads the settings that the WebhookReceiver construct puts into the function's environment with
 * `receiptsInPostgres`.
 *
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function postgresWebhookSettings(environment: Environment): ReceiverSettings {
  const reader = new SettingsReader(environment, 'deploy the function with WebhookReceiver');
  const settings = receiverOf(reader, environment);
  reader.end();
  return settings;
}

function receiverOf(reader: SettingsReader, environment: Environment): ReceiverSettings {
  return {
    receiverName: reader.read('EXACTLY_ONCE_WEBHOOK_RECEIVER'),
    windowSeconds: reader.readWhole('EXACTLY_ONCE_WINDOW_SECONDS'),
    secretIds: secretIdsOf(environment.EXACTLY_ONCE_WEBHOOK_SECRETS ?? '{}', reader.problems),
  };
}

function secretIdsOf(text: string, problems: string[]): Record<string, string> {
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    problems.push('EXACTLY_ONCE_WEBHOOK_SECRETS is not the JSON that the WebhookReceiver construct writes');
    return {};
  }
}

/** @throws InvalidSettings when the name or the window is out of range. */
export function assertSettings({ receiverName, windowSeconds }: ReceiverSettings): void {
  assertConsumerName(receiverName);
  if (!Number.isSafeInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > maxWindowSeconds)
    throw new InvalidSettings([
      `windowSeconds must be a whole number from 1 to ${maxWindowSeconds} (90 days), got ${windowSeconds}`,
    ]);
}
