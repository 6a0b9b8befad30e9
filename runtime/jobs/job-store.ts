import { randomUUID } from 'node:crypto';
import { GetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { conditionalUpdate } from '../dynamodb/conditional-update.js';
import { leaseAbsent, leaseAsSeen, leaseOwned, type Condition } from '../dynamodb/conditions.js';
import { KeyReused } from '../dedup/errors.js';
import { resultAttribute, rowVersion } from '../dynamodb/receipt.js';
import { jobRowId, readJob, statusOf, type JobRow, type JobState } from './job-row.js';

export interface JobTable {
  readonly client: DynamoDBClient;
  /** The dedup table. */
  readonly tableName: string;
  readonly consumerName: string;
  /** How long a job is remembered, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
}

type Attributes = Record<string, AttributeValue | undefined>;

/**
 * The rows of jobs in the dedup table. They say where a job is; that its effects act once does not hang on them but
 * on its receipt, which is committed with the effects.
 */
export class JobStore {
  constructor(readonly table: JobTable) {}

  /** Strongly consistent. */
  async read(jobId: string): Promise<JobRow | undefined> {
    const { client, tableName, consumerName } = this.table;
    const Key = { id: { S: jobRowId(consumerName, jobId) } };
    const { Item } = await client.send(
      new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }),
    );
    return Item && readJob(jobId, Item);
  }

  /**
   * Makes the row of a new job, or finds that of an earlier enqueue.
   *
   * @throws KeyReused when the id was used for a job with another payload.
   */
  async accept(jobId: string, fingerprint: string, runAt: number): Promise<JobRow> {
    const { row } = await this.#update(jobId, leaseAbsent(), {
      ...this.#fresh('queued', randomUUID(), 0),
      fingerprint: { S: fingerprint },
      runAt: { N: String(runAt) },
    });
    // Just written, or in the way: either is there.
    if (row === undefined) return this.accept(jobId, fingerprint, runAt);
    if (row.fingerprint !== fingerprint) throw new KeyReused(jobId, row.fingerprint, fingerprint);
    return row;
  }

  /** Remembers that a message is on its way. Whoever has claimed the job meanwhile knows that anyway. */
  async noteSent(row: JobRow): Promise<void> {
    await this.#update(row.jobId, leaseAsSeen(row), { sent: { BOOL: true } });
  }

  /** @returns the row as claimed, or undefined when it has changed since it was seen. */
  async claim(
    jobId: string,
    seen: JobRow | undefined,
    fingerprint: string,
    endsAt: number,
  ): Promise<JobRow | undefined> {
    const fence = randomUUID();
    const { row } = await this.#update(jobId, seen === undefined ? leaseAbsent() : leaseAsSeen(seen), {
      ...this.#fresh('running', fence, endsAt),
      fingerprint: { S: fingerprint },
      // A job that was sent back after its failure begins anew.
      failures: seen?.state === 'failed' ? { N: '0' } : undefined,
      runAt: seen === undefined ? { N: String(Date.now()) } : undefined,
    });
    // By its token and not by the answer: a lost answer makes the SDK send it again, against our own row (R12).
    return row?.fence === fence ? row : undefined;
  }

  /** @returns the row, undefined when the job is not the caller's any more. */
  async renew(row: JobRow, endsAt: number): Promise<JobRow | undefined> {
    return this.#owned(row, { in_progress_expiration: { N: String(endsAt) } });
  }

  async noteProgress(row: JobRow, progress: unknown): Promise<JobRow | undefined> {
    const { data } = resultAttribute(progress);
    return this.#owned(row, { progress: data ?? { NULL: true } });
  }

  /** Ends a claim without the job being done. */
  async leave(
    row: JobRow,
    state: Exclude<JobState, 'done'>,
    failures: number,
    reason?: string,
  ): Promise<void> {
    await this.#owned(row, {
      status: { S: statusOf[state] },
      failures: { N: String(failures) },
      reason: reason === undefined ? undefined : { S: reason },
      in_progress_expiration: { N: '0' },
    });
  }

  /** @returns the row afterwards, undefined when it has changed since it was seen. */
  async cancel(row: JobRow, reason: string): Promise<JobRow | undefined> {
    const set: Attributes =
      row.state === 'queued'
        ? { status: { S: statusOf.cancelled }, reason: { S: reason } }
        : { cancelRequested: { BOOL: true }, reason: { S: reason } };
    const answer = await this.#update(row.jobId, leaseAsSeen(row), set);
    return answer.written ? answer.row : undefined;
  }

  async #owned(row: JobRow, set: Attributes): Promise<JobRow | undefined> {
    const answer = await this.#update(row.jobId, leaseOwned(row.fence), set);
    return answer.written ? answer.row : undefined;
  }

  #fresh(state: JobState, fence: string, endsAt: number): Attributes {
    return {
      v: { N: String(rowVersion) },
      status: { S: statusOf[state] },
      fence: { S: fence },
      in_progress_expiration: { N: String(endsAt) },
      expiration: { N: String(Math.floor(Date.now() / 1000) + this.table.retentionSeconds) },
    };
  }

  async #update(
    jobId: string,
    condition: Condition,
    set: Attributes,
  ): Promise<{ readonly written: boolean; readonly row: JobRow | undefined }> {
    const id = jobRowId(this.table.consumerName, jobId);
    const { written, row } = await conditionalUpdate(this.table, { id, condition, set });
    return { written, row: row && readJob(jobId, row) };
  }
}
