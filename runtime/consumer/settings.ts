/** What the engine needs to know of a consumer, whatever its messages come from. */
export interface EngineSettings {
  /** Stable name of who consumes; receipts belong to it (R1). */
  readonly consumerName: string;
  /** Life of a receipt in seconds, from the horizon (R8). Only with a dedup table. */
  readonly receiptRetentionSeconds?: number;
  /** Failures of its own after which a message is dead-lettered (R19). @default 5 */
  readonly maxFailures?: number;
  /**
   * What happens behind a message that is dead-lettered (R23). `skip`: later ones go on. `stop`: its group stops
   * until a person decides, and later ones are parked. Groups are stopped on FIFO queues, and the streams of
   * aggregates anywhere. Deployed anew from `skip` to `stop`, for the first time, a consumer stops groups only after
   * 20 minutes, in which what would stop one comes again: instances with `skip` may still be at work.
   *
   * @default - 'stop' for aggregates, else 'skip'
   */
  readonly onFailure?: OnFailure;
}

export type OnFailure = 'skip' | 'stop';

export const defaultMaxFailures = 5;
