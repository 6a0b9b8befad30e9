import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import { receiptId } from '../dedup/identity.js';
import { valueOfText } from '../dedup/value-text.js';
import { rowVersion } from '../dynamodb/receipt.js';
import { native } from '../dynamodb/native-value.js';
import { isSilent, stateOf, type JobRow } from './job-row.js';

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
  const state = stateOf(status);
  const endsAt = Number(item.in_progress_expiration?.N ?? 0);
  const runAt = Number(item.runAt?.N ?? 0);
  const dueAt = Math.max(runAt, endsAt, Number(item.dueAt?.N ?? 0));
  return {
    jobId,
    state,
    progress: valueOf(item, 'progressJson', 'progress'),
    result: valueOf(item, 'resultJson', 'data'),
    failures: Number(item.failures?.N ?? 0),
    reason: item.reason?.S,
    runAt: new Date(runAt),
    silent: isSilent(state, dueAt),
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
