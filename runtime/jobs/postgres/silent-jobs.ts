import type { PostgresPool } from '../../postgres/client.js';
import { look } from '../../postgres/own-statement.js';
import { silentAfterMs } from '../job-row.js';
import { stuckJob, type SilentJobsOptions, type StuckJob } from '../stuck-job.js';
import { jobColumns, readPostgresJob } from './job-row.js';

/** By the index of those that are open, in the order of their ids, some at a time. Values: consumer, after, limit. */
const openJobs = `SELECT ${jobColumns} FROM exactly_once.jobs AS j
WHERE consumer = $1::text AND job_id > $2::text AND status IN ('QUEUED', 'INPROGRESS', 'FAILED')
ORDER BY job_id LIMIT $3`;
const atATime = 500;

/**
 * Jobs of a consumer that have failed, and those of which nothing has been heard for longer than they should take.
 *
 * @throws DependencyFailed when the database does not answer.
 */
export async function* listPostgresSilentJobs(
  pool: PostgresPool,
  consumerName: string,
  options: SilentJobsOptions = {},
): AsyncGenerator<StuckJob> {
  const { silentAfterSeconds = silentAfterMs / 1000, now = Date.now() } = options;
  for (let after = ''; ;) {
    const { rows } = await look(pool, openJobs, [consumerName, after, atATime]);
    for (const row of rows) {
      const stuck = stuckJob(readPostgresJob(row), silentAfterSeconds, now);
      if (stuck !== undefined) yield stuck;
    }
    if (rows.length < atATime) return;
    after = String(rows.at(-1)?.job_id);
  }
}
