import { randomUUID } from 'node:crypto';
import { GetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { conditionalUpdate } from '../dynamodb/conditional-update.js';
import { leaseAbsent, leaseAsSeen, leaseOwned, type Condition } from '../dynamodb/conditions.js';
import { briefly, KeyReused, UnserialisableValue } from '../dedup/errors.js';
import { receiptId } from '../dedup/identity.js';
import { readReceipt } from '../dynamodb/receipt-reader.js';
import { Meter } from '../dedup/meter.js';
import { valueText } from '../dedup/value-text.js';
import { rowVersion } from '../dynamodb/receipt.js';
import { send } from '../dynamodb/send.js';
import { jobRowId, openJobsOf, readJob, statusOf, type JobRow, type JobState } from './job-row.js';

export interface JobTable {
  readonly client: DynamoDBClient;
  /** The dedup table. */
  readonly tableName: string;
  readonly consumerName: string;
  /** How long a job is remembered, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
}

/** What puts a job into the index `attention`. */
export const listing = ['attention', 'since'];
const maxProgressBytes = 100 * 1024;
/** Characters of a reason that are kept: the row has to fit into an item beside a result. */
const maxReason = 1024;

type Attributes = Record<string, AttributeValue | undefined>;

/**
 * The rows of jobs in the dedup table. They say where a job is; that its effects act once does not hang on them but
 * on its receipt, which is committed with the effects.
 */
export class JobStore {
  constructor(readonly table: JobTable) {}

  /** Strongly consistent. @throws DependencyFailed when it cannot be read. */
  async read(jobId: string): Promise<JobRow | undefined> {
    const { client, tableName, consumerName } = this.table;
    const Key = { id: { S: jobRowId(consumerName, jobId) } };
    const { Item } = await send(
      client,
      new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }),
      { deadline: Infinity, meter: new Meter() },
      'read',
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
      ...this.#listed(jobId),
      fingerprint: { S: fingerprint },
      runAt: { N: String(runAt) },
    });
    // Just written, or in the way: either is there.
    if (row === undefined) return this.accept(jobId, fingerprint, runAt);
    if (row.fingerprint !== fingerprint) throw new KeyReused(jobId, row.fingerprint, fingerprint);
    return row;
  }

  /**
   * Remembers that a message is on its way, and that nothing has to be heard of the job for a while. Whoever has
   * claimed it meanwhile knows that anyway.
   */
  async noteSent(row: JobRow): Promise<void> {
    await this.#update(row.jobId, leaseAsSeen(row), {
      sent: { BOOL: true },
      dueAt: { N: String(Math.max(Date.now(), row.runAt.getTime())) },
    });
  }

  /** A failed job waits again, without failures. @returns it, undefined when it has changed since it was seen. */
  async startAgain(row: JobRow): Promise<JobRow | undefined> {
    const answer = await this.#update(
      row.jobId,
      leaseAsSeen(row),
      {
        ...this.#fresh('queued', randomUUID(), 0),
        failures: { N: '0' },
        sent: { BOOL: false },
        dueAt: { N: String(Date.now()) },
      },
      ['reason'],
    );
    return answer.written ? answer.row : undefined;
  }

  /** @returns the row as claimed, or undefined when it has changed since it was seen. */
  async claim(
    jobId: string,
    seen: JobRow | undefined,
    fingerprint: string,
    endsAt: number,
    messageId = '',
  ): Promise<JobRow | undefined> {
    const fence = randomUUID();
    const { row } = await this.#update(jobId, seen === undefined ? leaseAbsent() : leaseAsSeen(seen), {
      ...this.#fresh('running', fence, endsAt),
      ...(seen?.listed ? {} : this.#listed(jobId)),
      claimedFor: { S: messageId },
      // What was enqueued stays: whoever enqueues it again is compared with it.
      fingerprint: seen === undefined ? { S: fingerprint } : undefined,
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

  /** @throws UnserialisableValue for what no text can give again, and for more than 100 KB. */
  async noteProgress(row: JobRow, progress: unknown): Promise<JobRow | undefined> {
    const text = valueText(progress);
    const bytes = Buffer.byteLength(text);
    if (bytes > maxProgressBytes)
      throw new UnserialisableValue(
        'progress',
        `it has ${bytes} bytes, at most ${maxProgressBytes} are kept`,
      );
    return this.#owned(row, { progressJson: { S: text } });
  }

  /** Whether the job has acted, strongly consistent. @throws DependencyFailed when that cannot be read. */
  async hasReceipt(jobId: string): Promise<boolean> {
    const { client, tableName, consumerName } = this.table;
    const Key = { id: { S: receiptId(consumerName, jobId) } };
    const { Item } = await send(
      client,
      new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }),
      { deadline: Infinity, meter: new Meter() },
      'read',
    );
    return Item !== undefined && readReceipt(Item).completed;
  }

  /** The job's receipt is there, so it is done, and its row is one that does not know it. */
  async noteDone(row: JobRow): Promise<void> {
    await this.#update(row.jobId, leaseAsSeen(row), { status: { S: statusOf.done } }, listing);
  }

  /**
   * Ends a claim, or the waiting of a job that nobody has claimed, without the job being done.
   *
   * @param dueAt epoch milliseconds until which nothing has to be heard of it
   * @param gaveUp the message that has its dead letter; a job that is started again keeps it, so that what is still
   *   delivered of that message says nothing more
   */
  async leave(
    row: JobRow,
    state: Exclude<JobState, 'done' | 'running'>,
    failures: number,
    reason?: string,
    dueAt = Date.now(),
    gaveUp?: string,
  ): Promise<void> {
    const condition = row.state === 'running' ? leaseOwned(row.fence) : leaseAsSeen(row);
    await this.#update(
      row.jobId,
      condition,
      {
        status: { S: statusOf[state] },
        failures: { N: String(failures) },
        reason: reason === undefined ? undefined : { S: briefly(reason, maxReason) },
        in_progress_expiration: { N: '0' },
        dueAt: { N: String(dueAt) },
        gaveUp: gaveUp === undefined ? undefined : { S: gaveUp },
        ...(state === 'cancelled' || row.listed ? {} : this.#listed(row.jobId)),
      },
      state === 'cancelled' ? listing : [],
    );
  }

  /** @returns the row afterwards, undefined when it has changed since it was seen. */
  async cancel(row: JobRow, reason: string): Promise<JobRow | undefined> {
    const waits = row.state === 'queued';
    const set: Attributes = {
      ...(waits ? { status: { S: statusOf.cancelled } } : { cancelRequested: { BOOL: true } }),
      reason: { S: briefly(reason, maxReason) },
    };
    const answer = await this.#update(row.jobId, leaseAsSeen(row), set, waits ? listing : []);
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

  /** As one that has not ended well yet. `since` stays as it is, so that the index moves it only once. */
  #listed(jobId: string): Attributes {
    return {
      attention: { S: openJobsOf(this.table.consumerName, jobId) },
      since: { S: new Date().toISOString() },
    };
  }

  async #update(
    jobId: string,
    condition: Condition,
    set: Attributes,
    remove: readonly string[] = [],
  ): Promise<{ readonly written: boolean; readonly row: JobRow | undefined }> {
    const id = jobRowId(this.table.consumerName, jobId);
    const { written, row } = await conditionalUpdate(this.table, { id, condition, set, remove });
    return { written, row: row && readJob(jobId, row) };
  }
}
