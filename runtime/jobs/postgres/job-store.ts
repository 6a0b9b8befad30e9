import { randomUUID } from 'node:crypto';
import { briefly, KeyReused } from '../../dedup/errors.js';
import { receiptId } from '../../dedup/identity.js';
import type { PostgresPool } from '../../postgres/client.js';
import { look, storableReason, write } from '../../postgres/own-statement.js';
import type { PostgresTx } from '../../postgres/transaction.js';
import { statusOf, type JobRow, type JobState } from '../job-row.js';
import { maxReason, progressText } from '../job-sizes.js';
import type { JobResult, JobStore } from '../job-store.js';
import { insertJob, jobValues, type NewJob } from './insert-job.js';
import { jobColumns, readJobRow, readPostgresJob } from './job-row.js';

export interface PostgresJobStoreOptions {
  readonly pool: PostgresPool;
  readonly consumerName: string;
  /** How long a job is remembered, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
}

const receiptRow = 'SELECT 1 FROM exactly_once.receipts WHERE id = $1';

/**
 * Seconds that a row lives from now on, by the clock of the database, which says it of receipts, too: the row of a
 * job must go before the receipt that knows that it is done.
 */
const lives = 'lives';

/** Conditions under which a row is written, and their values. */
type Condition = readonly [text: string, ...values: readonly unknown[]];

/** Nothing has changed it since. */
function asSeen({ fence, status, endsAt }: JobRow): Condition {
  return ['fence = ? AND status = ? AND ends_at = ?', fence, status, Math.round(endsAt)];
}
function owned({ fence }: JobRow): Condition {
  return ['fence = ? AND status = ?', fence, statusOf.running];
}

/**
 * Jobs as rows of the schema `exactly_once`. Each write is one statement beside the transaction of the effects.
 *
 * That a job is done is said by its receipt alone, whose result is never null then: a row which heartbeats change
 * cannot be written by a transaction that has a snapshot from before them. The row learns of it afterwards, so that
 * what is listed stays short; where its worker dies in between, whoever reads the row reads the receipt with it.
 */
export class PostgresJobStore implements JobStore<PostgresTx> {
  readonly consumerName: string;
  readonly #options: PostgresJobStoreOptions;

  constructor(options: PostgresJobStoreOptions) {
    this.#options = options;
    this.consumerName = options.consumerName;
  }

  async read(jobId: string): Promise<JobRow | undefined> {
    const { rows } = await look(this.#options.pool, readJobRow, [this.consumerName, jobId]);
    return rows[0] && readPostgresJob(rows[0]);
  }

  async accept(jobId: string, fingerprint: string, runAt: number): Promise<JobRow> {
    const made = await this.#insert({ jobId, state: 'queued', fingerprint, runAt });
    const row = made ?? (await this.read(jobId));
    // Pruned in between.
    if (row === undefined) return this.accept(jobId, fingerprint, runAt);
    if (row.fingerprint !== fingerprint) throw new KeyReused(jobId, row.fingerprint, fingerprint);
    // Its receipt has outlived the row of that time, and would not outlive this one.
    if (made?.state === 'done') await this.noteDone(made);
    return row;
  }

  async noteSent(row: JobRow): Promise<void> {
    const dueAt = Math.max(Date.now(), row.runAt.getTime());
    await this.#update(row.jobId, asSeen(row), { sent: true, due_at: dueAt });
  }

  async startAgain(row: JobRow, runAt: number): Promise<JobRow | undefined> {
    const begins = Math.round(runAt);
    return this.#update(row.jobId, asSeen(row), {
      ...this.#fresh('queued', randomUUID(), 0),
      ...{ failures: 0, sent: false, run_at: begins, due_at: begins },
      ...{ reason: null, cancel_requested: false },
    });
  }

  async claim(
    jobId: string,
    seen: JobRow | undefined,
    fingerprint: string,
    endsAt: number,
    messageId = '',
  ): Promise<JobRow | undefined> {
    const fence = randomUUID();
    if (seen === undefined)
      return this.#insert({
        ...{ jobId, state: 'running', fence, fingerprint, endsAt },
        ...{ runAt: Date.now(), claimedFor: messageId },
      });
    return this.#update(jobId, asSeen(seen), {
      ...this.#fresh('running', fence, endsAt),
      claimed_for: messageId,
      // A job that was sent back after its failure begins anew.
      ...(seen.state === 'failed' && { failures: 0, cancel_requested: false }),
    });
  }

  async renew(row: JobRow, endsAt: number): Promise<JobRow | undefined> {
    return this.#update(row.jobId, owned(row), { ends_at: Math.round(endsAt) });
  }

  async noteProgress(row: JobRow, progress: unknown): Promise<JobRow | undefined> {
    return this.#update(row.jobId, owned(row), { progress: progressText(progress) });
  }

  async hasReceipt(jobId: string): Promise<boolean> {
    const { rows } = await look(this.#options.pool, receiptRow, [receiptId(this.consumerName, jobId)]);
    return rows.length > 0;
  }

  async noteDone(row: JobRow): Promise<void> {
    await this.#update(row.jobId, asSeen(row), { status: statusOf.done });
  }

  async noteActed({ jobId, fence }: JobRow): Promise<void> {
    const acted = 'fence = ? AND EXISTS (SELECT 1 FROM exactly_once.receipts WHERE id = j.receipt)';
    await this.#update(jobId, [acted, fence], { status: statusOf.done });
  }

  /** As a list, so that a job which returned nothing has a result, too. */
  done(_tx: PostgresTx, _jobId: string, { value, text }: JobResult): readonly unknown[] {
    return text === undefined ? [] : [value];
  }

  async leave(
    row: JobRow,
    state: Exclude<JobState, 'done' | 'running'>,
    failures: number,
    reason?: string,
    dueAt = Date.now(),
    gaveUp?: string,
  ): Promise<void> {
    await this.#update(row.jobId, row.state === 'running' ? owned(row) : asSeen(row), {
      ...{ status: statusOf[state], failures, ends_at: 0, due_at: Math.round(dueAt) },
      ...(reason !== undefined && { reason: storableReason(briefly(reason, maxReason)) }),
      ...(gaveUp !== undefined && { gave_up: gaveUp }),
    });
  }

  async cancel(row: JobRow, reason: string): Promise<JobRow | undefined> {
    return this.#update(row.jobId, asSeen(row), {
      ...(row.state === 'queued' ? { status: statusOf.cancelled } : { cancel_requested: true }),
      reason: storableReason(briefly(reason, maxReason)),
    });
  }

  #fresh(state: JobState, fence: string, endsAt: number): Record<string, unknown> {
    const { retentionSeconds } = this.#options;
    return { status: statusOf[state], fence, ends_at: Math.round(endsAt), [lives]: retentionSeconds };
  }

  /** @returns the row, undefined when there is one already. */
  async #insert(job: Omit<NewJob, 'consumerName' | 'retentionSeconds'>): Promise<JobRow | undefined> {
    const { pool, retentionSeconds } = this.#options;
    const values = jobValues({ ...job, consumerName: this.consumerName, retentionSeconds });
    const { rows } = await write(pool, 'a job', insertJob, values);
    return rows[0] && readPostgresJob(rows[0]);
  }

  /** @returns the row as it is now, undefined when the condition did not hold. */
  async #update(
    jobId: string,
    [condition, ...seen]: Condition,
    set: Readonly<Record<string, unknown>>,
  ): Promise<JobRow | undefined> {
    const values: unknown[] = [this.consumerName, jobId];
    const placed = (value: unknown) => `$${values.push(value)}`;
    const setting = Object.entries(set).map(([name, value]) =>
      name === lives
        ? `expires_at = now() + ${placed(value)}::float8 * interval '1 second'`
        : `${name} = ${placed(value)}`,
    );
    const rest = [...seen];
    const holds = condition.replace(/\?/g, () => placed(rest.shift()));
    const text = `UPDATE exactly_once.jobs AS j SET ${setting.join(', ')}
WHERE consumer = $1 AND job_id = $2 AND ${holds} RETURNING ${jobColumns}`;
    const { rows } = await write(this.#options.pool, 'a job', text, values);
    return rows[0] && readPostgresJob(rows[0]);
  }
}
