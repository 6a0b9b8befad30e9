import { randomUUID } from 'node:crypto';
import { GetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { conditionalUpdate } from '../dynamodb/conditional-update.js';
import { leaseAbsent, leaseAsSeen, leaseOwned, type Condition } from '../dynamodb/conditions.js';
import { briefly, KeyReused } from '../dedup/errors.js';
import { receiptId } from '../dedup/identity.js';
import { readReceipt } from '../dynamodb/receipt-reader.js';
import { Meter } from '../dedup/meter.js';
import { rowVersion } from '../dynamodb/receipt.js';
import { send } from '../dynamodb/send.js';
import { table } from '../dynamodb/table.js';
import type { Transaction } from '../dynamodb/transaction.js';
import { jobRowId, openJobsOf, readJob } from './dynamo-job-row.js';
import { statusOf, type JobRow, type JobState } from './job-row.js';
import { maxProgressBytes, maxReason, maxResultBytes, progressText } from './job-sizes.js';
import type { JobResult, JobStore } from './job-store.js';

export interface JobTable {
  readonly client: DynamoDBClient;
  /** The dedup table. */
  readonly tableName: string;
  readonly consumerName: string;
  /** How long a job is remembered, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
}

/** What puts a job into the index `attention`. */
const listing = ['attention', 'since'];
/** Of the run that somebody wanted to end: whoever starts a failed job again wants another one. */
const cancellation = 'cancelRequested';

type Attributes = Record<string, AttributeValue | undefined>;

/** Jobs as rows of the dedup table. Reads are strongly consistent. */
export class DynamoJobStore implements JobStore<Transaction> {
  readonly consumerName: string;

  constructor(readonly table: JobTable) {
    this.consumerName = table.consumerName;
  }

  async read(jobId: string): Promise<JobRow | undefined> {
    const item = await this.#item(jobRowId(this.consumerName, jobId));
    return item && readJob(jobId, item);
  }

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

  async noteSent(row: JobRow): Promise<void> {
    await this.#update(row.jobId, leaseAsSeen(row), {
      sent: { BOOL: true },
      dueAt: { N: String(Math.max(Date.now(), row.runAt.getTime())) },
    });
  }

  async startAgain(row: JobRow, runAt: number): Promise<JobRow | undefined> {
    const answer = await this.#update(
      row.jobId,
      leaseAsSeen(row),
      {
        ...this.#fresh('queued', randomUUID(), 0),
        failures: { N: '0' },
        sent: { BOOL: false },
        runAt: { N: String(runAt) },
        dueAt: { N: String(runAt) },
      },
      ['reason', cancellation],
    );
    return answer.written ? answer.row : undefined;
  }

  async claim(
    jobId: string,
    seen: JobRow | undefined,
    fingerprint: string,
    endsAt: number,
    messageId = '',
  ): Promise<JobRow | undefined> {
    const fence = randomUUID();
    // A job that was sent back after its failure begins anew.
    const anew = seen?.state === 'failed';
    const { row } = await this.#update(
      jobId,
      seen === undefined ? leaseAbsent() : leaseAsSeen(seen),
      {
        ...this.#fresh('running', fence, endsAt),
        ...(seen?.listed ? {} : this.#listed(jobId)),
        claimedFor: { S: messageId },
        // What was enqueued stays: whoever enqueues it again is compared with it.
        fingerprint: seen === undefined ? { S: fingerprint } : undefined,
        failures: anew ? { N: '0' } : undefined,
        runAt: seen === undefined ? { N: String(Date.now()) } : undefined,
      },
      anew ? [cancellation] : [],
    );
    // By its token and not by the answer: a lost answer makes the SDK send it again, against our own row (R12).
    return row?.fence === fence ? row : undefined;
  }

  async renew(row: JobRow, endsAt: number): Promise<JobRow | undefined> {
    return this.#owned(row, { in_progress_expiration: { N: String(endsAt) } });
  }

  async noteProgress(row: JobRow, progress: unknown): Promise<JobRow | undefined> {
    const text = progressText(progress);
    return this.#owned(row, { progressJson: { S: text } });
  }

  async hasReceipt(jobId: string): Promise<boolean> {
    const item = await this.#item(receiptId(this.consumerName, jobId));
    return item !== undefined && readReceipt(item).completed;
  }

  async noteDone(row: JobRow): Promise<void> {
    await this.#update(row.jobId, leaseAsSeen(row), { status: { S: statusOf.done } }, listing);
  }

  async noteActed(): Promise<void> {
    // Its row was written with its effects.
  }

  done(tx: Transaction, jobId: string, { text, bytes }: JobResult): void {
    const { tableName, consumerName } = this.table;
    tx.update(
      table({ name: tableName, partitionKey: 'id' }),
      { id: jobRowId(consumerName, jobId) },
      {
        set: {
          status: statusOf.done,
          in_progress_expiration: 0,
          ...(text !== undefined && { resultJson: text }),
        },
        // An item has 400 KB; what else is in a row needs little.
        remove: [
          ...listing,
          'reason',
          ...(bytes > maxResultBytes - maxProgressBytes ? ['progressJson'] : []),
        ],
      },
    );
  }

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

  async cancel(row: JobRow, reason: string): Promise<JobRow | undefined> {
    const waits = row.state === 'queued';
    const set: Attributes = {
      ...(waits ? { status: { S: statusOf.cancelled } } : { [cancellation]: { BOOL: true } }),
      reason: { S: briefly(reason, maxReason) },
    };
    const answer = await this.#update(row.jobId, leaseAsSeen(row), set, waits ? listing : []);
    return answer.written ? answer.row : undefined;
  }

  async #item(id: string): Promise<Record<string, AttributeValue> | undefined> {
    const { Item } = await send(
      this.table.client,
      new GetItemCommand({ TableName: this.table.tableName, Key: { id: { S: id } }, ConsistentRead: true }),
      { deadline: Infinity, meter: new Meter() },
      'read',
    );
    return Item;
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
