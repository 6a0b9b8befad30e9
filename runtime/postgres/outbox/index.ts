export {
  postgresOutbox,
  type PostgresEvent,
  type PostgresOutbox,
  type PostgresOutboxDefinition,
  type PublishedEvent,
} from './publish.js';
export {
  PollingRelay,
  type PollingRelayOptions,
  type PollingRound,
  type RunningRelay,
} from './polling-relay.js';
export { listen, type ListeningClient } from './wake.js';
export { outboxGauges, type OutboxGauges } from './gauges.js';
export { beginPostgresEpoch } from './epoch.js';
export { NotPolled } from './relay-errors.js';
export { SchemaNotReady } from '../errors.js';
export { EventMissing } from './retry-stuck.js';
export type { FailedSend } from './send-fresh.js';
export type { RelayConnection, RelayPool } from './port.js';
export type { SqlPort } from '../sql-port.js';
export { CdcRelay, type CdcNews, type CdcRelayOptions } from './cdc-relay.js';
export { slotGauges, type SlotGauges } from './gauges.js';
export type { ResendReason } from './slot.js';
export { postgresRelaySettings, type PostgresRelaySettings } from './relay-settings.js';
export { runPollingRelay, type RunPollingRelayOptions, type StayingPool } from './run-polling-relay.js';
export { scheduledRelay, type InvocationClock, type ScheduledRelayOptions } from './scheduled-relay.js';
export {
  listStuckPostgres,
  resendPostgresEvents,
  skipPostgresEvent,
  type ResendPostgres,
  type Resent,
  type SkippedEvent,
  type SkipPostgres,
  type StuckPostgresStream,
} from './operate.js';
