import type { JobRow, JobState } from './job-row.js';

/**
 * Port: the rows of jobs. They say where a job is; that its effects act once does not hang on them but on its
 * receipt, which is committed with the effects.
 *
 * Every write is conditional: of several who saw one row one writes, and whatever an owner says after another worker
 * has taken the job over is refused. When a lease is over is for the caller to decide.
 */
export interface JobRows {
  readonly consumerName: string;

  /** Sees what is committed. @throws DependencyFailed when it cannot be read. */
  read(jobId: string): Promise<JobRow | undefined>;

  /**
   * Makes the row of a new job, or finds that of an earlier enqueue.
   *
   * @throws KeyReused when the id was used for a job with another payload.
   */
  accept(jobId: string, fingerprint: string, runAt: number): Promise<JobRow>;

  /**
   * Remembers that a message is on its way, and that nothing has to be heard of the job for a while. Whoever has
   * claimed it meanwhile knows that anyway.
   */
  noteSent(row: JobRow): Promise<void>;

  /**
   * A failed job waits again, without failures and without anybody who has cancelled it.
   *
   * @param runAt epoch milliseconds from which it may begin
   * @returns it, undefined when it has changed since it was seen.
   */
  startAgain(row: JobRow, runAt: number): Promise<JobRow | undefined>;

  /** @returns the row as claimed, or undefined when it has changed since it was seen. */
  claim(
    jobId: string,
    seen: JobRow | undefined,
    fingerprint: string,
    endsAt: number,
    messageId?: string,
  ): Promise<JobRow | undefined>;

  /** @returns the row, undefined when the job is not the caller's any more. */
  renew(row: JobRow, endsAt: number): Promise<JobRow | undefined>;

  /** @throws UnserialisableValue for what no text can give again, and for more than 100 KB. */
  noteProgress(row: JobRow, progress: unknown): Promise<JobRow | undefined>;

  /** Whether the job has acted. @throws DependencyFailed when that cannot be read. */
  hasReceipt(jobId: string): Promise<boolean>;

  /** The job's receipt is there, so it is done, and its row is one that does not know it. */
  noteDone(row: JobRow): Promise<void>;

  /** The caller's own claim has ended in the commit of its effects. */
  noteActed(row: JobRow): Promise<void>;

  /**
   * Ends a claim, or the waiting of a job that nobody has claimed, without the job being done.
   *
   * @param dueAt epoch milliseconds until which nothing has to be heard of it @default - now
   * @param gaveUp the message that has its dead letter; a job that is started again keeps it, so that what is still
   *   delivered of that message says nothing more
   */
  leave(
    row: JobRow,
    state: Exclude<JobState, 'done' | 'running'>,
    failures: number,
    reason?: string,
    dueAt?: number,
    gaveUp?: string,
  ): Promise<void>;

  /** @returns the row afterwards, undefined when it has changed since it was seen. */
  cancel(row: JobRow, reason: string): Promise<JobRow | undefined>;
}

/** Port: the same, for workers whose effects are committed in a transaction of this kind. */
export interface JobStore<Tx> extends JobRows {
  /**
   * Has the job be done exactly when the transaction of its effects is committed, whichever worker commits it.
   *
   * @returns what the receipt has to keep.
   */
  done(tx: Tx, jobId: string, result: JobResult): unknown;
}

/** What a job returned, and the same as text, which a store may keep. */
export interface JobResult {
  readonly value: unknown;
  /** Undefined: it returned nothing. */
  readonly text: string | undefined;
  readonly bytes: number;
}
