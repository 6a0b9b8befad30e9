import { timerMs } from '../dedup/timer-ms.js';
import { unlessAborted } from '../dedup/unless-aborted.js';
import type { JobRow } from './job-row.js';
import type { JobRows } from './job-store.js';

export interface HeartbeatOptions {
  readonly everyMs: number;
  readonly leaseMs: number;
  /** Hides the job's message for the length of the lease. */
  readonly hide: () => Promise<void>;
}

/** Why a job is told to stop. */
export type StopReason = 'cancelled' | 'lost';

/**
 * Keeps a running job alive: renews its lease and hides its message, at intervals. Stops the job by its signal when
 * it was cancelled, when another worker has it, and when it could not be renewed before the lease is over.
 */
export class Heartbeat {
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #reason: StopReason | undefined;
  #endsAt: number;
  #beating: Promise<void> = Promise.resolve();
  readonly #store: JobRows;
  readonly #row: JobRow;
  readonly #options: HeartbeatOptions;

  constructor(store: JobRows, row: JobRow, options: HeartbeatOptions) {
    this.#store = store;
    this.#row = row;
    this.#options = options;
    this.#endsAt = performance.now() + options.leaseMs;
    this.#timer = setInterval(() => {
      this.#beating = this.#beat();
    }, options.everyMs);
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }
  /** Undefined while the job may go on. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Hides the message for the first time. Where that fails, the next beat tries again. */
  async begin(): Promise<void> {
    await this.#inTime(this.#options.hide()).catch(() => undefined);
  }

  /** No beat comes after it has resolved. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#beating;
  }

  async #beat(): Promise<void> {
    const { leaseMs, everyMs, hide } = this.#options;
    const endsAt = performance.now() + leaseMs;
    try {
      const row = await this.#inTime(this.#store.renew(this.#row, Date.now() + leaseMs));
      if (row === undefined) this.#tell('lost');
      else {
        this.#endsAt = endsAt;
        if (row.cancelRequested) this.#tell('cancelled');
        await this.#inTime(hide());
      }
    } catch {
      // A beat that fails is no harm as long as the next one comes in time.
      if (performance.now() + everyMs >= this.#endsAt) this.#tell('lost');
    }
  }

  /**
   * A call that is never answered is one that fails, as late as the lease allows: else nobody would tell the job that
   * its lease is over, and the job would wait for it at its end.
   */
  async #inTime<T>(call: Promise<T>): Promise<T> {
    const { everyMs } = this.#options;
    const left = this.#endsAt - performance.now() - everyMs;
    const over = AbortSignal.timeout(timerMs(Math.max(everyMs, left)));
    return unlessAborted(call, over, () => new Error('no answer'));
  }

  #tell(reason: StopReason): void {
    this.#reason ??= reason;
    this.#stop.abort(new Error(`the job was ${reason}`));
  }
}
