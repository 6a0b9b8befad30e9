/**
 * Exactly once on Postgres: a consumer of SQS whose handlers write through one transaction with their receipt, and
 * receipts in transactions of your own. The package `pg` is yours to bring, or any other client for `receive`.
 */
export { postgresConsumer, type PostgresConsumerOptions } from '../sqs/postgres-consumer.js';
export {
  postgresAggregateConsumer,
  type PostgresAggregateConsumerOptions,
} from '../sqs/postgres-aggregate-consumer.js';
export type { ProducerVersion } from '../sqs/aggregate-consumer.js';
export { decidePostgresGroup, listPostgresGroups, passOverPostgresVersion } from '../sqs/postgres-groups.js';
export { listPostgresGaps, type PostgresGap } from './gaps.js';
export type { Decision } from '../sqs/decide-group.js';
export { postgresLeases, type PostgresLeases } from '../lease/postgres-leases.js';
export { listPostgresBlocked, type PostgresBlockedEffect } from './blocked-effects.js';
export { unlockPostgres } from '../lease/unlock-postgres.js';
export type { UnlockOrder } from '../lease/unlock-in.js';
export { receive, type Identity, type Received } from './receive.js';
export {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPg,
  fromPostgresJs,
  fromPrisma,
  type SqlPort,
} from './sql-port.js';
export { migrate, type MigrateOptions } from './migrate.js';
export { migrations, type Migration } from './migrations/index.js';
export { prune, type Pruned, type PruneOptions } from './prune.js';
export { postgresWay, type PostgresUnit, type PostgresWayOptions } from './transaction-way.js';
export {
  postgresAggregateWay,
  type PostgresAggregateUnit,
  type PostgresAggregateWayOptions,
  type PostgresPlace,
} from './aggregate-way.js';
export { PostgresFailureStore } from './failure-store.js';
export { PostgresLeaseStore, type PostgresLeaseStoreOptions } from './lease-store.js';
export type { Isolation } from './begin.js';
export type { PostgresClient, PostgresPool, SqlResult } from './client.js';
export type { PostgresTx } from './transaction.js';
export {
  HandlerTooSlow,
  NewerSchema,
  SchemaNotReady,
  StatementFailed,
  TransactionControlRefused,
  ValueRefused,
} from './errors.js';
export { Conflict } from './sql-error.js';
export { DependencyFailed, ignore, IgnoreMessage, KeyReused, RejectMessage } from '../dedup/errors.js';
export { consumerSettings, type ConsumerSettings } from '../sqs/settings.js';
export { postgresConsumerSettings, type PostgresConsumerSettings } from '../sqs/postgres-settings.js';
