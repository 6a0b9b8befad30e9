import { ScanCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openRows } from '../dynamodb/conditions.js';
import { readJob, statusOf, type Job } from './job-row.js';

/** A job that should have begun, or have been heard of. */
export interface LateJob {
  readonly consumerName: string;
  readonly job: Job;
  /** ISO 8601: when its lease was over, or when it should have begun. */
  readonly since: string;
}

export interface LateJobs {
  /** Oldest first. */
  readonly jobs: readonly LateJob[];
  /** Whether the whole table was looked through. */
  readonly whole: boolean;
}

/**
 * Jobs of a table that are running with nobody at work, or queued past their time: in no index, because they would
 * pay for it with every heartbeat, so the table is read through.
 *
 * @param lateAfterMs since the end of the lease, or since the time at which it should have begun
 * @param mostRows rows that are read at most; DynamoDB's pages may pass it by one
 * @throws NewerRow when a newer version of this library wrote one; what the SDK throws
 */
export async function lateJobs(
  { client, tableName }: { readonly client: DynamoDBClient; readonly tableName: string },
  { lateAfterMs, mostRows }: { readonly lateAfterMs: number; readonly mostRows: number },
): Promise<LateJobs> {
  const jobs: LateJob[] = [];
  const before = Date.now() - lateAfterMs;
  let rows = 0;
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({
        TableName: tableName,
        ExclusiveStartKey: from,
        ...openRows([statusOf.queued, statusOf.running]),
      }),
    );
    for (const item of page.Items ?? []) {
      const late = lateJob(item, before);
      if (late !== undefined) jobs.push(late);
    }
    rows += page.ScannedCount ?? 0;
    from = page.LastEvaluatedKey;
  } while (from !== undefined && rows < mostRows);
  return { jobs: jobs.sort((a, b) => (a.since < b.since ? -1 : 1)), whole: from === undefined };
}

/** Undefined for what is no job, or is not late. */
function lateJob(item: Record<string, AttributeValue>, before: number): LateJob | undefined {
  const [, consumerName, jobId] = /^([^#!]+)!job#(.*)$/s.exec(item.id?.S ?? '') ?? [];
  if (consumerName === undefined || jobId === undefined) return undefined;
  const row = readJob(jobId, item);
  const since = row.state === 'running' ? row.endsAt : row.runAt.getTime();
  return since > before ? undefined : { consumerName, job: row, since: new Date(since).toISOString() };
}
