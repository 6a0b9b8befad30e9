import type { SQSRecord } from 'aws-lambda';
import { backoff } from '../dedup/backoff.js';
import { errorText, GivenUp, Waiting } from '../dedup/errors.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import type { Problem } from '../telemetry/batch-summary.js';
import { keyHash } from '../dedup/key-hash.js';
import { logLine } from '../telemetry/log-line.js';
import { errorLine } from '../telemetry/error-line.js';
import { jobIn } from './job-event.js';
import { statusOf, type JobRow } from './job-row.js';
import type { JobRows } from './job-store.js';

export interface Settlement {
  /** What the engine said of messages that were rejected or come again, by message id. */
  readonly problems: ReadonlyMap<string, Problem>;
  /** What this invocation has claimed, by job. */
  readonly claims: ReadonlyMap<string, JobRow>;
  /** Ids of the messages that are not acknowledged. */
  readonly comeAgain: ReadonlySet<string>;
  /** How many messages of the batch were copies. */
  readonly duplicates: number;
  readonly maxClockSkewMs: number;
}

/** The longest pause between two tries of a message, in milliseconds. */
const longestPauseMs = 15 * 60_000;
const maxTries = 3;

/**
 * Brings the rows of jobs in line with what became of their messages: a dead letter is a failed job, whatever was
 * wrong with it, and a message that comes again is a job that waits (R44: one place decides). A process that is
 * killed before this leaves a job that counts as silent, and is listed.
 */
export async function settleJobs(
  store: JobRows,
  records: readonly SQSRecord[],
  settlement: Settlement,
): Promise<void> {
  for (const record of records) {
    const job = jobOf(record, store.consumerName);
    if (job === undefined) continue;
    for (let tries = 1; ; tries += 1)
      try {
        await settle(store, job, settlement);
        break;
      } catch (error) {
        if (tries < maxTries) await backoff(tries, Number.POSITIVE_INFINITY);
        else {
          logLine({ exactlyOnce: 'job not settled', keyHash: keyHash(job.jobId), ...errorLine(error) });
          break;
        }
      }
  }
}

interface JobOfMessage {
  readonly jobId: string;
  readonly fingerprint: string;
  readonly messageId: string;
}

async function settle(
  store: JobRows,
  { jobId, fingerprint, messageId }: JobOfMessage,
  { problems, claims, duplicates, comeAgain, maxClockSkewMs }: Settlement,
): Promise<void> {
  const mine = claims.get(jobId);
  const problem = problems.get(messageId);
  if (comeAgain.has(messageId)) {
    if (mine !== undefined) await store.leave(mine, 'queued', ...waiting(mine, problem));
    return;
  }
  if (mine !== undefined && problem === undefined && duplicates === 0) return store.noteActed(mine);
  const row = await store.read(jobId);
  // A message of another job under the same id says nothing of this one.
  if (row === undefined || (mine === undefined && row.fingerprint !== fingerprint)) return;
  // Its letter has been taken down before; since then the job may have been started again.
  if (row.gaveUp === messageId) return;
  // Its receipt says so, and its row does not know it yet.
  if (row.state === 'done' && row.status !== statusOf.done) return store.noteDone(row);
  const waits = row.state === 'queued' || (row.state === 'running' && row.fence === mine?.fence);
  const abandoned = row.state === 'running' && row.endsAt + maxClockSkewMs < Date.now();
  // Claimed under this very message, which came again since: whoever claimed it has died or lost it.
  const died = row.state === 'running' && row.claimedFor === messageId;
  if (problem !== undefined) {
    if (!waits && !abandoned && !died) return;
    const { error } = problem;
    const failures = row.failures + (mine === undefined ? 0 : 1);
    const reason = error instanceof GivenUp ? error.reason : errorText(error);
    await store.leave(row, 'failed', failures, reason, Date.now(), messageId);
  }
  // A copy of a message that has acted: the receipt has outlived the row of that time, and this is a new one.
  else if ((waits || abandoned) && (await store.hasReceipt(jobId))) await store.noteDone(row);
}

/** What is written of a job whose message comes again: failures, why, and until when nothing has to be heard. */
function waiting(mine: JobRow, problem: Problem | undefined): [number, string | undefined, number] {
  const { error, fault } = problem ?? { error: undefined, fault: 'dependency' };
  return [
    mine.failures + (fault === 'dependency' ? 0 : 1),
    problem && errorText(error),
    error instanceof Waiting ? error.retryAt : Date.now() + longestPauseMs,
  ];
}

/** Undefined for a message that is of no job. */
function jobOf({ body, messageId }: SQSRecord, consumerName: string): JobOfMessage | undefined {
  try {
    const { jobId, payload } = jobIn(body, consumerName) as Record<string, unknown>;
    return typeof jobId === 'string' && jobId !== ''
      ? { jobId, messageId, fingerprint: fingerprintOf({ jobId, payload }) }
      : undefined;
  } catch {
    return undefined;
  }
}
