import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import { receiptId } from '../dedup/identity.js';
import { valueOfText } from '../dedup/value-text.js';
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
  /**
   * Nothing has been heard of it for longer than it should take: a running one is past its lease, a queued one was
   * due and has not begun. Its worker was killed, its message is lost, or the queue is long. `enqueue` with its id
   * sends it again.
   */
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
  /** Epoch milliseconds: until then nothing has to be heard of it. */
  readonly dueAt: number;
  /** The message under which it was last claimed, and the one that was given up when it last failed; else empty. */
  readonly claimedFor: string;
  readonly gaveUp: string;
  /** It is in the index that {@link listSilentJobs} reads. */
  readonly listed: boolean;
}

/** How long after it was due a job counts as silent, in milliseconds: clocks differ, and a queue may be long. */
export const silentAfterMs = 5 * 60_000;

/** The partitions of the index that the jobs of one consumer are spread over: one takes 1,000 writes a second. */
const shards = 8;

/**
 * What jobs that have not ended well yet are listed under in the index `attention`: of a job, or of each shard. The
 * `!` keeps them apart from stopped groups.
 */
export function openJobsOf(consumerName: string, jobId: string): string {
  return shardOf(consumerName, (createHash('sha256').update(jobId).digest()[0] ?? 0) % shards);
}
export function openJobs(consumerName: string): string[] {
  return Array.from({ length: shards }, (_, shard) => shardOf(consumerName, shard));
}
function shardOf(consumerName: string, shard: number): string {
  return `${consumerName}!jobs#${shard}`;
}

/** @throws InvalidKey when the id cannot identify a job. */
export function jobRowId(consumerName: string, jobId: string): string {
  receiptId(consumerName, jobId);
  return `${consumerName}!job#${jobId}`;
}

/** The job whose row it is. */
export function jobIdOf(consumerName: string, rowId: string): string {
  return rowId.slice(jobRowId(consumerName, '-').length - 1);
}

/**
 * A value that anybody may ask for, as text that gives the same again (R52). Rows of the first release hold
 * attributes of DynamoDB.
 */
function valueOf(item: Record<string, AttributeValue>, text: string, attribute: string): unknown {
  const json = item[text]?.S;
  if (json !== undefined) return valueOfText(json);
  return item[attribute] === undefined ? undefined : native({ [attribute]: item[attribute] })[attribute];
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function readJob(jobId: string, item: Record<string, AttributeValue>): JobRow {
  if (Number(item.v?.N ?? 0) > rowVersion) throw new NewerRow(jobId, item.v?.N ?? '', rowVersion);
  const status = item.status?.S ?? '';
  const [state = 'queued'] = Object.entries(statusOf).find(([, stored]) => stored === status) ?? [];
  const endsAt = Number(item.in_progress_expiration?.N ?? 0);
  const runAt = Number(item.runAt?.N ?? 0);
  const dueAt = Math.max(runAt, endsAt, Number(item.dueAt?.N ?? 0));
  return {
    jobId,
    state: state as JobState,
    progress: valueOf(item, 'progressJson', 'progress'),
    result: valueOf(item, 'resultJson', 'data'),
    failures: Number(item.failures?.N ?? 0),
    reason: item.reason?.S,
    runAt: new Date(runAt),
    silent: isSilent(state as JobState, dueAt),
    fence: item.fence?.S ?? '',
    status,
    endsAt,
    expiration: Number(item.expiration?.N ?? 0),
    fingerprint: item.fingerprint?.S ?? '',
    sent: item.sent?.BOOL === true,
    cancelRequested: item.cancelRequested?.BOOL === true,
    dueAt,
    claimedFor: item.claimedFor?.S ?? '',
    gaveUp: item.gaveUp?.S ?? '',
    listed: item.attention !== undefined,
  };
}

/** @param now epoch milliseconds */
export function isSilent(state: JobState, dueAt: number, afterMs = silentAfterMs, now = Date.now()): boolean {
  return (state === 'queued' || state === 'running') && dueAt + afterMs < now;
}
