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

/** What is not known counts as queued. */
export function stateOf(status: string): JobState {
  const [state = 'queued'] = Object.entries(statusOf).find(([, stored]) => stored === status) ?? [];
  return state as JobState;
}

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
  /** It is among those that are listed when they fail or fall silent. */
  readonly listed: boolean;
}

/** How long after it was due a job counts as silent, in milliseconds: clocks differ, and a queue may be long. */
export const silentAfterMs = 5 * 60_000;

/** @param now epoch milliseconds */
export function isSilent(state: JobState, dueAt: number, afterMs = silentAfterMs, now = Date.now()): boolean {
  return (state === 'queued' || state === 'running') && dueAt + afterMs < now;
}
