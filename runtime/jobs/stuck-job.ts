import { isSilent, type Job, type JobRow } from './job-row.js';

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
 * What is to be said of a job that is listed; undefined when nothing is wrong with it.
 *
 * @param now epoch milliseconds
 */
export function stuckJob(row: JobRow, silentAfterSeconds: number, now: number): StuckJob | undefined {
  const { jobId, state, failures, reason, dueAt } = row;
  const about = { jobId, failures, reason, since: new Date(dueAt) };
  if (state === 'failed') return { ...about, kind: 'failed' };
  if (!isSilent(state, dueAt, silentAfterSeconds * 1000, now)) return undefined;
  return { ...about, kind: state === 'queued' ? 'not-begun' : 'worker-silent' };
}
