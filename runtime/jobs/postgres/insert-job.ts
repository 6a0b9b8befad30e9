import { randomUUID } from 'node:crypto';
import { receiptId } from '../../dedup/identity.js';
import { statusOf, type JobState } from '../job-row.js';
import { jobColumns } from './job-row.js';

/** A job of which there is no row yet. */
export interface NewJob {
  readonly consumerName: string;
  readonly jobId: string;
  readonly state: JobState;
  readonly fingerprint: string;
  /** Epoch milliseconds. */
  readonly runAt: number;
  /** What sends its message is committed with the row. @default false */
  readonly sent?: boolean;
  /** @default - of its own */
  readonly fence?: string;
  /** Epoch milliseconds. @default 0 */
  readonly endsAt?: number;
  readonly claimedFor?: string;
  readonly retentionSeconds: number;
}

/** Makes its row, which is returned, or finds that there is one: then nothing is. Values: `jobValues`. */
export const insertJob = `INSERT INTO exactly_once.jobs AS j
  (consumer, job_id, receipt, status, fence, fingerprint, run_at, ends_at, claimed_for, sent, expires_at)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::bigint, $8::bigint, $9::text, $10::boolean,
  now() + $11::float8 * interval '1 second')
ON CONFLICT (consumer, job_id) DO NOTHING RETURNING ${jobColumns}`;

/** @throws InvalidKey when the id cannot identify a job. */
export function jobValues(job: NewJob): readonly unknown[] {
  const { consumerName, jobId, state, fence = randomUUID(), fingerprint } = job;
  const { runAt, endsAt = 0, claimedFor = null, sent = false, retentionSeconds } = job;
  return [
    ...[consumerName, jobId, receiptId(consumerName, jobId), statusOf[state], fence, fingerprint],
    // As text: not every driver sends a number as one of 64 bits.
    ...[String(Math.round(runAt)), String(Math.round(endsAt)), claimedFor, sent, retentionSeconds],
  ];
}
