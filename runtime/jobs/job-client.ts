import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { bodyOf, InvalidJob } from './job-message.js';
import { isSilent, silentAfterMs, type Job, type JobRow } from './job-row.js';
import type { SharedJobSettings } from './job-settings.js';
import type { JobRows } from './job-store.js';
import { schedule } from './schedule.js';

/** What whoever enqueues is given, whichever store has the jobs. */
export interface JobClientOptions {
  readonly settings: SharedJobSettings;
  readonly sqs: SQSClient;
  /** For delays beyond 15 minutes. @default - made when the first one comes */
  readonly scheduler?: SchedulerClient;
  /** How late a job may be before `enqueue` with its id sends its message again. @default 300 */
  readonly silentAfterSeconds?: number;
}

export interface EnqueueOptions {
  /** How long the job waits, from now. @default 0 */
  readonly delaySeconds?: number;
  /** A job that has failed is run again, from its first try. @default false: it is returned as it is */
  readonly retryFailed?: boolean;
}

/** SQS delays a message by at most 15 minutes. */
const maxQueueDelaySeconds = 15 * 60;
/**
 * Enqueues jobs and says what became of them.
 *
 * Guarantees: one job per id, however often it is enqueued, for as long as its row is kept; a job whose `enqueue`
 * returned has a message or a schedule. One whose `enqueue` threw may have: enqueue it again, with the same id. So is
 * a job healed whose message was lost: `enqueue` sends it again when nothing has been heard of it for too long.
 */
export class JobClient {
  readonly #store: JobRows;
  readonly #options: JobClientOptions;

  protected constructor(store: JobRows, options: JobClientOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * @param jobId the job's identity, chosen by the caller: the same for every try to enqueue the same job.
   * @param payload plain JSON, with its `jobId` at most 1 MiB; 256 KB with a delay of more than 15 minutes. `bigint`
   *   is sent as the integer that it is.
   * @returns the job as it is now: one that was enqueued before may be done already.
   * @throws KeyReused when the id was used for another payload; InvalidKey; UnserialisableValue for what JSON does
   *   not hold; InvalidJob for a delay or a size that is out of range. Nothing is enqueued then.
   */
  async enqueue(
    jobId: string,
    payload: unknown,
    { delaySeconds = 0, retryFailed = false }: EnqueueOptions = {},
  ): Promise<Job> {
    this.#assertDelay(jobId, delaySeconds);
    const envelope = { jobId, payload };
    const fingerprint = fingerprintOf(envelope);
    const body = bodyOf(jobId, envelope, delaySeconds > maxQueueDelaySeconds);
    const runAt = Date.now() + delaySeconds * 1000;
    let row = await this.#store.accept(jobId, fingerprint, runAt);
    if (row.state === 'failed' && retryFailed)
      row =
        (await this.#store.startAgain(row, runAt)) ?? (await this.#store.accept(jobId, fingerprint, runAt));
    const { silentAfterSeconds = silentAfterMs / 1000 } = this.#options;
    // Somebody accepted it and may have died before it was sent; or its message is lost. One too many does no harm.
    if ((!row.sent && row.state === 'queued') || isSilent(row.state, row.dueAt, silentAfterSeconds * 1000)) {
      await this.#send(row, body);
      await this.#store.noteSent(row);
    }
    return row;
  }

  /** The job as it is now (strongly consistent), undefined when no such job was enqueued or it is forgotten. */
  async getJob(jobId: string): Promise<Job | undefined> {
    return this.#store.read(jobId);
  }

  /**
   * Cancels a job. One that has not begun never will. One that runs is told by its signal at its next heartbeat, and
   * may be done before it heeds it.
   *
   * @returns the job as it is now, undefined when there is none. Its state is `cancelled`, `running` (it was told),
   *   or what came first.
   */
  async cancel(jobId: string, reason: string): Promise<Job | undefined> {
    for (;;) {
      const row = await this.#store.read(jobId);
      if (row === undefined || (row.state !== 'queued' && row.state !== 'running')) return row;
      const cancelled = await this.#store.cancel(row, reason);
      if (cancelled !== undefined) return cancelled;
    }
  }

  #assertDelay(jobId: string, delaySeconds: number): void {
    const { scheduler, retentionSeconds } = this.#options.settings;
    if (!(delaySeconds >= 0)) throw new InvalidJob(jobId, `delaySeconds is ${delaySeconds}, must be from 0`);
    if (delaySeconds > maxQueueDelaySeconds && scheduler === undefined)
      throw new InvalidJob(
        jobId,
        `delaySeconds is ${delaySeconds}, at most ${maxQueueDelaySeconds} without a scheduler; give \`scheduler\` in the settings`,
      );
    if (delaySeconds >= retentionSeconds)
      throw new InvalidJob(
        jobId,
        `delaySeconds is ${delaySeconds}, and a job is forgotten after ${retentionSeconds}; raise \`maxDelay\` of the JobQueue`,
      );
  }

  async #send({ jobId, runAt }: JobRow, body: string): Promise<void> {
    const { settings, sqs, scheduler } = this.#options;
    const delaySeconds = Math.max(0, Math.ceil((runAt.getTime() - Date.now()) / 1000));
    if (delaySeconds > maxQueueDelaySeconds && settings.scheduler !== undefined) {
      await schedule({ ...settings.scheduler, jobId, runAt, body, client: scheduler });
      return;
    }
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: settings.queueUrl,
        MessageBody: body,
        DelaySeconds: Math.min(delaySeconds, maxQueueDelaySeconds),
      }),
    );
  }
}
