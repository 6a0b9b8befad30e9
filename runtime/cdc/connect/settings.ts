import { InvalidSettings } from '../../dedup/error.js';
import { SettingsReader, type Environment } from '../../dedup/settings-reader.js';

/** What the ConnectService construct tells its workers. */
export interface ConnectWorkerSettings {
  /** Of the worker, as its properties. */
  readonly worker: Readonly<Record<string, string>>;
  readonly connector: string;
  /** Of the connector. It holds references to secrets, and none itself. */
  readonly config: Readonly<Record<string, string>>;
  /** Replication slot of the connector. */
  readonly slot: string;
  /** Spread into the options of a `Pool` of `pg`. */
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly user: string;
    readonly password: string;
  };
}

/**
 * Reads the variables that the ConnectService construct sets.
 *
 * @throws InvalidSettings with all that are missing
 */
export function connectWorkerSettings(environment: Environment): ConnectWorkerSettings {
  const reader = new SettingsReader(environment, 'the ConnectService construct sets it');
  const settings = {
    worker: reader.read('EXACTLY_ONCE_CONNECT_WORKER'),
    connector: reader.read('EXACTLY_ONCE_CONNECT_CONNECTOR'),
    config: reader.read('EXACTLY_ONCE_CONNECT_CONNECTOR_CONFIG'),
    slot: reader.read('EXACTLY_ONCE_DATABASE_SLOT'),
    database: {
      host: reader.read('EXACTLY_ONCE_DATABASE_HOST'),
      port: reader.readWhole('EXACTLY_ONCE_DATABASE_PORT'),
      database: reader.read('EXACTLY_ONCE_DATABASE_NAME'),
      user: reader.read('EXACTLY_ONCE_DATABASE_USER'),
      password: reader.read('EXACTLY_ONCE_DATABASE_PASSWORD'),
    },
  };
  reader.end();
  return {
    ...settings,
    worker: textsOf('EXACTLY_ONCE_CONNECT_WORKER', settings.worker),
    config: textsOf('EXACTLY_ONCE_CONNECT_CONNECTOR_CONFIG', settings.config),
  };
}

function textsOf(name: string, json: string): Readonly<Record<string, string>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value);
    if (entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
      return Object.fromEntries(entries);
  }
  throw new InvalidSettings([`${name} is no JSON object of texts; the ConnectService construct sets it`]);
}
