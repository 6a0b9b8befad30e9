/**
 * The program of a worker of Kafka Connect with Debezium, for the image of a `ConnectService`.
 *
 * ```ts
 * const settings = connectWorkerSettings(process.env);
 * await runConnectWorker({ settings, database: new Pool(settings.database), signal });
 * ```
 */
export { runConnectWorker, type ConnectWorkerOptions } from './run-worker.js';
export { connectWorkerSettings, type ConnectWorkerSettings } from './settings.js';
export { ConnectRest, type ConnectorConfig, type ConnectorStatus, type PartStatus } from './rest.js';
export { ConnectorWatch, type Look, type WatchOptions } from './watch.js';
export { ConnectEnded, ConnectRefused, ConnectorFailed } from './errors.js';
