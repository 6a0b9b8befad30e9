import { attentionRows } from '../dynamodb/attention.js';
import type { LeaseTable } from '../dynamodb/blocked-effects.js';
import { jobIdOf, openJobs, readJob } from './dynamo-job-row.js';
import { silentAfterMs } from './job-row.js';
import { stuckJob, type SilentJobsOptions, type StuckJob } from './stuck-job.js';

/**
 * Jobs of a consumer that have failed, and those of which nothing has been heard for longer than they should take.
 * Reads the table's index `attention`, which is eventually consistent: half a read unit per 4 KB of all jobs that
 * have not ended. A job that the first release enqueued is listed once a worker has had it.
 *
 * @throws what the SDK throws, such as for a table without the index.
 */
export async function* listSilentJobs(
  table: LeaseTable,
  consumerName: string,
  { silentAfterSeconds = silentAfterMs / 1000, now = Date.now() }: SilentJobsOptions = {},
): AsyncGenerator<StuckJob> {
  for (const shard of openJobs(consumerName))
    for await (const item of attentionRows(table, shard)) {
      const row = readJob(jobIdOf(consumerName, item.id?.S ?? ''), item);
      const stuck = stuckJob(row, silentAfterSeconds, now);
      if (stuck !== undefined) yield stuck;
    }
}
