/**
 * Background jobs on Postgres: rows, leases and receipts beside the effects, the messages in SQS. The tables are
 * those of exactly-once-aws/postgres; the package `pg` is yours to bring.
 */
export { PostgresJobQueueClient, type PostgresJobQueueOptions } from './job-queue.js';
export {
  postgresJobPublisher,
  type PostgresJobPublisher,
  type PostgresJobPublisherOptions,
} from './job-publisher.js';
export { postgresJobWorker, type PostgresJobWorkerOptions } from './job-worker.js';
export { listPostgresSilentJobs } from './silent-jobs.js';
export type { EnqueueOptions, JobClient } from '../job-client.js';
export { jobEventType } from '../job-event.js';
export type { RunningJob } from '../job-handler.js';
export { InvalidJob } from '../job-message.js';
export type { Job, JobState } from '../job-row.js';
export { postgresJobQueueSettings, type SharedJobSettings } from '../job-settings.js';
export type { JobToEnqueue } from '../job-to-enqueue.js';
export type { SilentJobsOptions, StuckJob } from '../stuck-job.js';
export { taskProtection, type TaskProtection, type TaskProtectionOptions } from '../task-protection.js';
export { workOff, type WorkOffOptions } from '../work-off.js';
export { postgresLeases, type PostgresLeases } from '../../lease/postgres-leases.js';
export type { Isolation } from '../../postgres/begin.js';
export type { PostgresPool } from '../../postgres/client.js';
export type { SqlPort } from '../../postgres/sql-port.js';
export type { PostgresTx } from '../../postgres/transaction.js';
export { NewerSchema, SchemaNotReady } from '../../postgres/errors.js';
export { DependencyFailed, IgnoreMessage, KeyReused, RejectMessage } from '../../dedup/errors.js';
