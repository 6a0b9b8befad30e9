/** How it stands, as a sweep finds it before it does anything. */
export interface RelayGauges {
  /** Table of the outbox. */
  readonly outbox: string;
  /** Streams that do not go on by themselves. */
  readonly stuckStreams: number;
  /** Age of the oldest event that waits in one of them, in seconds; 0: none does. */
  readonly oldestUnsentSeconds: number;
  /** Age of the oldest tick that the table's stream has not brought back, in seconds; 0: it brought back all. */
  readonly streamSilenceSeconds: number;
}
