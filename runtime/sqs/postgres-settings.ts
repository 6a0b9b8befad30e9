import { SettingsReader, type Environment } from '../dedup/settings-reader.js';
import { consumerSettings, type ConsumerSettings } from './settings.js';

/** What the PostgresConsumer construct knows at synth and its function needs at run time. */
export interface PostgresConsumerSettings extends ConsumerSettings {
  /** How long a receipt lives, in seconds. */
  readonly receiptRetentionSeconds: number;
  /** Connections that the pool of one instance may have: `max` of a `Pool`. */
  readonly connections: number;
}

/**
 * Reads the settings that the PostgresConsumer construct put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function postgresConsumerSettings(environment: Environment): PostgresConsumerSettings {
  const reader = new SettingsReader(environment, 'deploy the function with PostgresConsumer');
  const receiptRetentionSeconds = reader.readWhole('EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS');
  const connections = reader.readWhole('EXACTLY_ONCE_DATABASE_CONNECTIONS');
  reader.end();
  return { ...consumerSettings(environment), receiptRetentionSeconds, connections };
}
