import { attentionRows } from '../dynamodb/attention.js';
import type { LeaseTable } from '../dynamodb/blocked-effects.js';
import { jobIdOf, openJobs, readJob } from './dynamo-job-row.js';
import { isSilent, silentAfterMs, type Job } from './job-row.js';

/** A job that will not end by itself, or may not. */
export interface StuckJob extends Pick<Job, 'jobId' | 'failures' | 'reason'> {
  /**
   * - `failed`: it threw too often or was refused; its message is among the dead letters. `redrive`, or `enqueue`
   *   with `retryFailed`, runs it again.
   * - `not-begun`: it was due and no worker has it. The queue is long, no worker runs, or its message is lost.
   * - `worker-silent`: its worker is past its lease. It was killed, and no other has the message yet.
   *
   * `enqueue` with the same id and payload sends the message of the last two again.
   */
  readonly kind: 'failed' | 'not-begun' | 'worker-silent';
  /** When it failed, or should have been heard of. */
  readonly since: Date;
}

export interface SilentJobsOptions {
  /** How long a job may be late. @default 300 */
  readonly silentAfterSeconds?: number;
  /** Epoch milliseconds. @default - now */
  readonly now?: number;
}

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
      const { jobId, state, failures, reason, dueAt } = row;
      if (state === 'failed') yield { jobId, kind: 'failed', failures, reason, since: new Date(dueAt) };
      else if (isSilent(state, dueAt, silentAfterSeconds * 1000, now))
        yield {
          ...{ jobId, failures, reason, since: new Date(dueAt) },
          kind: state === 'queued' ? 'not-begun' : 'worker-silent',
        };
    }
}
