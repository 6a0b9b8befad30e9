import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { RejectMessage } from '../dedup/errors.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import type { Job, JobRow } from './job-row.js';
import type { JobQueueSettings } from './job-settings.js';
import { JobStore } from './job-store.js';
import { schedule } from './schedule.js';

export interface JobQueueOptions {
  readonly settings: JobQueueSettings;
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  /** For delays beyond 15 minutes. @default - made when the first one comes */
  readonly scheduler?: SchedulerClient;
}

export interface EnqueueOptions {
  /** How long the job waits, from now. @default 0 */
  readonly delaySeconds?: number;
}

/** The job cannot be enqueued as asked. */
export class InvalidJob extends RejectMessage {
  override name = 'InvalidJob';
  constructor(
    readonly jobId: string,
    problem: string,
  ) {
    super(`job '${jobId}' cannot be enqueued: ${problem}`);
  }
}

/** SQS delays a message by at most 15 minutes. */
const maxQueueDelaySeconds = 15 * 60;

/**
 * Enqueues jobs and says what became of them.
 *
 * Guarantees: one job per id, however often it is enqueued, for as long as its row is kept; a job whose `enqueue`
 * returned has a message or a schedule. One whose `enqueue` threw may have: enqueue it again, with the same id.
 */
export class JobQueueClient {
  readonly #store: JobStore;

  constructor(private readonly options: JobQueueOptions) {
    const { dynamodb: client, settings } = options;
    const { dedupTable: tableName, consumerName, retentionSeconds } = settings;
    this.#store = new JobStore({ client, tableName, consumerName, retentionSeconds });
  }

  /**
   * @param jobId the job's identity, chosen by the caller: the same for every try to enqueue the same job.
   * @param payload plain JSON.
   * @returns the job as it is now: one that was enqueued before may be done already.
   * @throws KeyReused when the id was used for another payload; InvalidKey; InvalidJob for a delay that is out of
   *   range.
   */
  async enqueue(jobId: string, payload: unknown, { delaySeconds = 0 }: EnqueueOptions = {}): Promise<Job> {
    const { settings } = this.options;
    if (!(delaySeconds >= 0)) throw new InvalidJob(jobId, `delaySeconds is ${delaySeconds}, must be from 0`);
    if (delaySeconds > maxQueueDelaySeconds && settings.scheduler === undefined)
      throw new InvalidJob(
        jobId,
        `delaySeconds is ${delaySeconds}, at most ${maxQueueDelaySeconds} without a scheduler; give \`scheduler\` in the settings`,
      );
    const envelope = { jobId, payload };
    const row = await this.#store.accept(jobId, fingerprintOf(envelope), Date.now() + delaySeconds * 1000);
    // Somebody accepted it and may have died before it was sent. A message more than one does no harm.
    if (!row.sent && row.state === 'queued') {
      await this.#send(row, JSON.stringify(envelope));
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

  async #send({ jobId, runAt }: JobRow, body: string): Promise<void> {
    const { settings, sqs, scheduler } = this.options;
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
