import type { SQSRecord } from 'aws-lambda';
import { backoff } from '../dedup/backoff.js';
import { errorText, ProcessDied, Waiting } from '../dedup/errors.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import type { Problem } from '../telemetry/batch-summary.js';
import { keyHash } from '../dedup/key-hash.js';
import { logLine } from '../telemetry/log-line.js';
import { errorLine } from '../telemetry/error-line.js';
import { jobIn } from './job-event.js';
import type { JobRow } from './job-row.js';
import type { JobStore } from './job-store.js';

export interface Settlement {
  /** What the engine said of messages that were rejected or come again, by message id. */
  readonly problems: ReadonlyMap<string, Problem>;
  /** What this invocation has claimed, by job. */
  readonly claims: ReadonlyMap<string, JobRow>;
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
  store: JobStore,
  records: readonly SQSRecord[],
  settlement: Settlement,
): Promise<void> {
  for (const record of records) {
    const job = jobOf(record, store.table.consumerName);
    if (job === undefined) continue;
    for (let tries = 1; ; tries += 1)
      try {
        await settle(store, job, settlement.problems.get(record.messageId), settlement);
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
}

async function settle(
  store: JobStore,
  { jobId, fingerprint }: JobOfMessage,
  problem: Problem | undefined,
  { claims, duplicates, maxClockSkewMs }: Settlement,
): Promise<void> {
  const mine = claims.get(jobId);
  // It acted: its row was written with its effects.
  if (mine !== undefined && problem === undefined && duplicates === 0) return;
  if (mine !== undefined && problem?.outcome === 'retry') {
    const { error, fault } = problem;
    const failures = mine.failures + (fault === 'dependency' ? 0 : 1);
    const dueAt = error instanceof Waiting ? error.retryAt : Date.now() + longestPauseMs;
    await store.leave(mine, 'queued', failures, errorText(error), dueAt);
    return;
  }
  if (problem?.outcome === 'retry') return;
  const row = await store.read(jobId);
  // A message of another job under the same id says nothing of this one.
  if (row === undefined || (mine === undefined && row.fingerprint !== fingerprint)) return;
  const waits = row.state === 'queued' || (row.state === 'running' && row.fence === mine?.fence);
  const abandoned = row.state === 'running' && row.endsAt + maxClockSkewMs < Date.now();
  // The message is given up before its lease has ended, because every worker that had it is dead.
  const died = row.state === 'running' && problem?.error instanceof ProcessDied;
  if (!waits && !abandoned && !died) return;
  if (problem !== undefined)
    await store.leave(row, 'failed', row.failures + (mine === undefined ? 0 : 1), errorText(problem.error));
  // A copy of a message that has acted: the receipt has outlived the row of that time, and this is a new one.
  else await store.noteDone(row);
}

/** Undefined for a message that is of no job. */
function jobOf({ body }: SQSRecord, consumerName: string): JobOfMessage | undefined {
  try {
    const { jobId, payload } = jobIn(body, consumerName) as Record<string, unknown>;
    return typeof jobId === 'string' && jobId !== ''
      ? { jobId, fingerprint: fingerprintOf({ jobId, payload }) }
      : undefined;
  } catch {
    return undefined;
  }
}
