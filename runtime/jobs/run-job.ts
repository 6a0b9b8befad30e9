import { defaultMaxFailures } from '../consumer/settings.js';
import { crashPoint } from '../dedup/crash-points.js';
import { LeaseHeld, LeaseLost, RejectMessage, Waiting } from '../dedup/errors.js';
import { resultAttribute } from '../dynamodb/receipt.js';
import { native } from '../dynamodb/native-value.js';
import { table } from '../dynamodb/table.js';
import type { Transaction } from '../dynamodb/transaction.js';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js';
import { jobRowId, statusOf, type JobRow } from './job-row.js';
import type { JobStore } from './job-store.js';

export interface JobRun {
  readonly jobId: string;
  readonly fingerprint: string;
  readonly tx: Transaction;
  readonly heartbeat: HeartbeatOptions;
  readonly maxClockSkewMs: number;
  readonly maxFailures?: number;
  readonly run: (running: {
    readonly attempt: number;
    readonly signal: AbortSignal;
    readonly progress: (value: unknown) => Promise<void>;
  }) => unknown;
}

/** A job failed for good: it is marked so, and its message goes to the dead-letter queue. */
export class JobFailed extends RejectMessage {
  override name = 'JobFailed';
  constructor(
    readonly jobId: string,
    readonly failures: number,
    options: ErrorOptions,
  ) {
    const { cause } = options;
    super(
      `job '${jobId}' failed ${failures} time(s), the last with ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`,
      options,
    );
  }
}

/**
 * Does one job and puts "done" into the transaction of its effects.
 *
 * @throws LeaseHeld when another worker has it, Waiting when it was cancelled meanwhile, JobFailed when it may not be
 *   tried again, and
 *   what `run` throws.
 */
export async function runJob(store: JobStore, job: JobRun): Promise<void> {
  const { jobId, tx, maxFailures = defaultMaxFailures } = job;
  const row = await claim(store, job);
  // Done or cancelled: what is left is the receipt, so that the message goes away.
  if (row === undefined) return;
  await crashPoint('lease-claimed');
  const heartbeat = new Heartbeat(store, row, job.heartbeat);
  try {
    // The next beat tries again.
    await job.heartbeat.hide().catch(() => undefined);
    const result = await job.run({
      attempt: row.failures + 1,
      signal: heartbeat.signal,
      progress: async (value) => {
        if ((await store.noteProgress(row, value)) === undefined) throw new LeaseLost(jobId, 'renewal');
      },
    });
    await heartbeat.end();
    await crashPoint('effect-done');
    done(tx, store, jobId, result);
  } catch (error) {
    await heartbeat.end();
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (heartbeat.reason === 'lost') throw new LeaseLost(jobId, 'renewal', { cause: error });
    if (heartbeat.reason === 'cancelled') {
      await store.leave(row, 'cancelled', row.failures);
      throw new Waiting(`job '${jobId}' was cancelled; its message comes once more and goes`, Date.now(), {
        cause: error,
      });
    }
    if (error instanceof Waiting) {
      await store.leave(row, 'queued', row.failures, reason);
      throw error;
    }
    const failures = row.failures + 1;
    const final = error instanceof RejectMessage || failures >= maxFailures;
    await store.leave(row, final ? 'failed' : 'queued', failures, reason);
    throw final ? new JobFailed(jobId, failures, { cause: error }) : error;
  }
}

/** @returns the row, undefined when there is nothing to do. */
async function claim(store: JobStore, job: JobRun): Promise<JobRow | undefined> {
  const { jobId, fingerprint, maxClockSkewMs } = job;
  for (;;) {
    const seen = await store.read(jobId);
    if (seen?.state === 'done' || seen?.state === 'cancelled') return undefined;
    const over = (seen?.endsAt ?? 0) + maxClockSkewMs;
    if (seen?.state === 'running' && Date.now() < over)
      throw new LeaseHeld(jobId, over, 'another worker does the job');
    const claimed = await store.claim(jobId, seen, fingerprint, Date.now() + job.heartbeat.leaseMs);
    if (claimed === undefined) continue;
    if (!claimed.cancelRequested) return claimed;
    // Its worker died before it heeded the cancellation.
    await store.leave(claimed, 'cancelled', claimed.failures);
    return undefined;
  }
}

/** In the transaction, so that a job is done exactly when its effects are durable, whichever worker commits them. */
function done(tx: Transaction, store: JobStore, jobId: string, result: unknown): void {
  const { tableName, consumerName } = store.table;
  const rows = table({ name: tableName, partitionKey: 'id' });
  const { data } = native(resultAttribute(result));
  tx.update(
    rows,
    { id: jobRowId(consumerName, jobId) },
    { set: { status: statusOf.done, in_progress_expiration: 0, ...(data === undefined ? {} : { data }) } },
  );
}
