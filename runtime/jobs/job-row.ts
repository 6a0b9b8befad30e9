import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import { receiptId } from '../dedup/identity.js';
import { rowVersion } from '../dynamodb/receipt.js';
import { native } from '../dynamodb/native-value.js';

/** Where a job is in its life. */
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** What anybody may know of a job. */
export interface Job {
  readonly jobId: string;
  readonly state: JobState;
  /** What the job last said of itself with `progress`. */
  readonly progress: unknown;
  /** What it returned; once it is done. */
  readonly result: unknown;
  /** How often it threw. */
  readonly failures: number;
  /** Why it threw last, or who cancelled it. */
  readonly reason: string | undefined;
  /** When it may begin. */
  readonly runAt: Date;
  /** Its worker has not been heard of for longer than its lease: it was killed, and another will take over. */
  readonly silent: boolean;
}

/** As stored: `INPROGRESS` and `COMPLETED` as a lease has them, so that the conditions of leases hold for jobs. */
export const statusOf: Readonly<Record<JobState, string>> = {
  queued: 'QUEUED',
  running: 'INPROGRESS',
  done: 'COMPLETED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
};

export interface JobRow extends Job {
  readonly fence: string;
  readonly status: string;
  /** Epoch milliseconds; 0 while nobody has claimed it. */
  readonly endsAt: number;
  readonly expiration: number;
  readonly fingerprint: string;
  /** A message or a schedule has been made for it. */
  readonly sent: boolean;
  readonly cancelRequested: boolean;
}

/** @throws InvalidKey when the id cannot identify a job. */
export function jobRowId(consumerName: string, jobId: string): string {
  receiptId(consumerName, jobId);
  return `${consumerName}!job#${jobId}`;
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function readJob(jobId: string, item: Record<string, AttributeValue>): JobRow {
  if (Number(item.v?.N ?? 0) > rowVersion) throw new NewerRow(jobId, item.v?.N ?? '', rowVersion);
  const status = item.status?.S ?? '';
  const [state = 'queued'] = Object.entries(statusOf).find(([, stored]) => stored === status) ?? [];
  const endsAt = Number(item.in_progress_expiration?.N ?? 0);
  const value = (name: string): unknown =>
    item[name] === undefined ? undefined : native({ [name]: item[name] })[name];
  return {
    jobId,
    state: state as JobState,
    progress: value('progress'),
    result: value('data'),
    failures: Number(item.failures?.N ?? 0),
    reason: item.reason?.S,
    runAt: new Date(Number(item.runAt?.N ?? 0)),
    silent: state === 'running' && endsAt < Date.now(),
    fence: item.fence?.S ?? '',
    status,
    endsAt,
    expiration: Number(item.expiration?.N ?? 0),
    fingerprint: item.fingerprint?.S ?? '',
    sent: item.sent?.BOOL === true,
    cancelRequested: item.cancelRequested?.BOOL === true,
  };
}
