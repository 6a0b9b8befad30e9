import { NewerRow } from '../../dedup/errors.js';
import { valueOfText } from '../../dedup/value-text.js';
import { rowVersion } from '../../postgres/receipts.js';
import { isSilent, stateOf, type JobRow, type JobState } from '../job-row.js';

/**
 * What is read of a job: its row, and the result that its receipt keeps. That one of a job which is done is never
 * null, and that of a job which was cancelled always is: see `PostgresJobStore`.
 */
export const jobColumns = `job_id, status, fence, fingerprint, run_at::float8 AS run_at, due_at::float8 AS due_at,
  ends_at::float8 AS ends_at, failures, sent, cancel_requested, claimed_for, gave_up, reason, progress, v,
  extract(epoch FROM expires_at)::float8 AS expiration,
  (SELECT result FROM exactly_once.receipts WHERE id = j.receipt) AS done`;

/** Values: consumer, job. */
export const readJobRow = `SELECT ${jobColumns} FROM exactly_once.jobs AS j WHERE consumer = $1::text AND job_id = $2::text`;

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function readPostgresJob(row: Readonly<Record<string, unknown>>): JobRow {
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : undefined);
  const jobId = text('job_id') ?? '';
  if (Number(row.v) > rowVersion) throw new NewerRow(jobId, String(row.v), rowVersion);
  const done = text('done');
  const status = text('status') ?? '';
  const state: JobState = done === undefined ? stateOf(status) : 'done';
  const runAt = Number(row.run_at);
  const endsAt = Number(row.ends_at);
  const dueAt = Math.max(runAt, endsAt, Number(row.due_at));
  const progress = text('progress');
  return {
    jobId,
    state,
    progress: progress === undefined ? undefined : valueOfText(progress),
    result: done === undefined ? undefined : (valueOfText(done) as readonly unknown[])[0],
    failures: Number(row.failures),
    // Why it threw last is of no interest any more.
    reason: state === 'done' ? undefined : text('reason'),
    runAt: new Date(runAt),
    silent: isSilent(state, dueAt),
    fence: text('fence') ?? '',
    status,
    endsAt,
    expiration: Math.floor(Number(row.expiration)),
    fingerprint: text('fingerprint') ?? '',
    sent: row.sent === true,
    cancelRequested: row.cancel_requested === true,
    dueAt,
    claimedFor: text('claimed_for') ?? '',
    gaveUp: text('gave_up') ?? '',
    listed: true,
  };
}
