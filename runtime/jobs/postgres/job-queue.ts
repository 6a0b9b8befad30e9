import type { PostgresPool } from '../../postgres/client.js';
import { JobClient, type JobClientOptions } from '../job-client.js';
import { PostgresJobStore } from './job-store.js';

export interface PostgresJobQueueOptions extends JobClientOptions {
  /** Connections to the database: a `Pool` of `pg`, made once per process. */
  readonly pool: PostgresPool;
}

/**
 * Enqueues jobs whose rows are in Postgres. See {@link JobClient} for what is guaranteed. Not part of any transaction
 * of yours: for that there is {@link postgresJobPublisher}.
 */
export class PostgresJobQueueClient extends JobClient {
  constructor(options: PostgresJobQueueOptions) {
    const { pool, settings } = options;
    const { consumerName, retentionSeconds } = settings;
    super(new PostgresJobStore({ pool, consumerName, retentionSeconds }), options);
  }
}
