import { crashPoint } from '../dedup/crash-points.js';
import { IgnoreMessage, KeyReused, LeaseHeld, LeaseLost, Waiting } from '../dedup/errors.js';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js';
import type { JobRow } from './job-row.js';
import { resultOf } from './job-sizes.js';
import type { JobRows, JobStore } from './job-store.js';

export interface JobRun<Tx> {
  readonly jobId: string;
  readonly messageId: string;
  /** Of what was enqueued, and not of what the schema made of it. */
  readonly fingerprint: string;
  /** Of what the schema made of it, which the first release kept in the row. */
  readonly olderFingerprint: () => string;
  readonly tx: Tx;
  readonly heartbeat: HeartbeatOptions;
  readonly maxClockSkewMs: number;
  /** Its message was sent back from the dead-letter queue. */
  readonly redriven: boolean;
  /** What this invocation has claimed, by job. */
  readonly claims: Map<string, JobRow>;
  readonly run: (running: {
    readonly attempt: number;
    readonly signal: AbortSignal;
    readonly progress: (value: unknown) => Promise<void>;
  }) => unknown;
}

/**
 * Does one job and puts "done" into the transaction of its effects. What a throw of `run` makes of the job is decided
 * afterwards, with what becomes of its message: see `settleJobs`.
 *
 * @returns what the receipt has to keep.
 * @throws LeaseHeld when another worker has it, Waiting when it was cancelled or taken over meanwhile, KeyReused when
 *   the message is of another job with the same id, IgnoreMessage for a copy of one that has failed, and what `run`
 *   throws.
 */
export async function runJob<Tx>(store: JobStore<Tx>, job: JobRun<Tx>): Promise<unknown> {
  const { jobId, tx } = job;
  const row = await claim(store, job);
  // Done or cancelled: what is left is the receipt, so that the message goes away.
  if (row === undefined) return undefined;
  job.claims.set(jobId, row);
  await crashPoint('lease-claimed');
  const heartbeat = new Heartbeat(store, row, job.heartbeat);
  try {
    await heartbeat.begin();
    // It was cancelled, or its lease went by, before it could begin.
    heartbeat.signal.throwIfAborted();
    const result = await job.run({
      attempt: row.failures + 1,
      signal: heartbeat.signal,
      progress: async (value) => {
        if ((await store.noteProgress(row, value)) === undefined) throw new LeaseLost(jobId, 'renewal');
      },
    });
    await heartbeat.end();
    await crashPoint('effect-done');
    return await store.done(tx, jobId, resultOf(result));
  } catch (cause) {
    await heartbeat.end();
    // Nobody has failed: another worker has it, and its receipt decides which of the two acts.
    if (heartbeat.reason === 'lost')
      throw new Waiting('another worker has the job', Date.now() + job.heartbeat.leaseMs, { cause });
    if (heartbeat.reason === 'cancelled') {
      await store.leave(row, 'cancelled', row.failures);
      throw new Waiting('the job was cancelled; its message comes once more and goes', Date.now(), { cause });
    }
    throw cause;
  }
}

/** @returns the row, undefined when there is nothing to do. */
async function claim(store: JobRows, job: Omit<JobRun<unknown>, 'tx'>): Promise<JobRow | undefined> {
  const { jobId, messageId, fingerprint, maxClockSkewMs, claims, heartbeat } = job;
  for (;;) {
    const seen = await store.read(jobId);
    if (seen !== undefined && seen.fingerprint !== fingerprint && seen.fingerprint !== job.olderFingerprint())
      throw new KeyReused(jobId, seen.fingerprint, fingerprint);
    if (seen?.state === 'done' || seen?.state === 'cancelled') return undefined;
    // Without a receipt: a message that is sent back to run it again must find none.
    if (seen?.state === 'failed' && !job.redriven)
      throw new IgnoreMessage('it is a copy of the message of a job that has failed');
    // Of a transaction: the relay sends at once, and SQS does not know of the delay. A second is the clocks'.
    if (seen?.state === 'queued' && seen.runAt.getTime() > Date.now() + 1_000)
      throw new Waiting('its time has not come', seen.runAt.getTime());
    const endsAt = Date.now() + heartbeat.leaseMs;
    if (seen?.state === 'running') {
      // The handler runs again, because what it read had changed at the commit: the lease is its own.
      if (seen.fence === claims.get(jobId)?.fence && !seen.cancelRequested) {
        const mine = await store.renew(seen, endsAt);
        if (mine !== undefined) return mine;
        continue;
      }
      const over = seen.endsAt + maxClockSkewMs;
      if (Date.now() < over && seen.fence !== claims.get(jobId)?.fence)
        throw new LeaseHeld(jobId, over, 'another worker does the job');
    }
    const claimed = await store.claim(jobId, seen, fingerprint, endsAt, messageId);
    if (claimed === undefined) continue;
    if (!claimed.cancelRequested) return claimed;
    // Its worker died before it heeded the cancellation.
    await store.leave(claimed, 'cancelled', claimed.failures);
    return undefined;
  }
}
