import { SettingsReader, type Environment } from '../dedup/settings-reader.js';
import { InvalidSettings } from '../dedup/errors.js';
import { assertConsumerName } from '../dedup/identity.js';

/** What the IdempotentApi construct knows at synth and its function needs at run time. */
export interface ApiSettings {
  /** Stable name of the API; receipts belong to it (R1). Unique among the consumers and APIs of one dedup table. */
  readonly apiName: string;
  /** Table of the receipts. */
  readonly dedupTable: string;
  /** How long a key is known, in seconds: 24 hours unless stated otherwise, at most 30 days. */
  readonly windowSeconds: number;
  /** Bucket for responses that have no room in a receipt. */
  readonly responseBucket?: string;
}

/** Longest window. */
export const maxWindowSeconds = 30 * 24 * 3600;

/**
 * Reads the settings that the IdempotentApi construct put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function apiSettings(environment: Environment): ApiSettings {
  const reader = new SettingsReader(environment, 'deploy the function with IdempotentApi');
  const settings = {
    ...namedWindow(reader),
    dedupTable: reader.read('EXACTLY_ONCE_DEDUP_TABLE'),
    responseBucket: environment.EXACTLY_ONCE_RESPONSE_BUCKET,
  };
  reader.end();
  assertSettings(settings);
  return settings;
}

/** What the function of an API on Postgres needs to know at run time. */
export type PostgresApiSettings = Pick<ApiSettings, 'apiName' | 'windowSeconds'>;

/**
 * Reads the settings that the constructs put into the function's environment with `receiptsInPostgres`:
 * EXACTLY_ONCE_API_NAME and EXACTLY_ONCE_WINDOW_SECONDS.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function postgresApiSettings(environment: Environment): PostgresApiSettings {
  const reader = new SettingsReader(environment, 'deploy the function with IdempotentApi');
  const settings = namedWindow(reader);
  reader.end();
  assertSettings(settings);
  return settings;
}

function namedWindow(reader: SettingsReader): PostgresApiSettings {
  return {
    apiName: reader.read('EXACTLY_ONCE_API_NAME'),
    windowSeconds: reader.readWhole('EXACTLY_ONCE_WINDOW_SECONDS'),
  };
}

/** @throws InvalidSettings when the name or the window is out of range. */
export function assertSettings({ apiName, windowSeconds }: PostgresApiSettings): void {
  assertConsumerName(apiName);
  if (!Number.isSafeInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > maxWindowSeconds)
    throw new InvalidSettings([
      `windowSeconds must be a whole number from 1 to ${maxWindowSeconds} (30 days), got ${windowSeconds}`,
    ]);
}
