/**
 * What is known of a message's earlier deliveries. SQS counts receives, which are not failures: a message that waited behind
 * another one has been received just as often as the one that failed (R19).
 */
export interface Attempts {
  /** Receives that came to nothing for no fault of the message: it was not tried, or had to wait. */
  readonly excused: number;
  /** Times that its handler or its commit failed. */
  readonly failed: number;
  /** Times that it was started alone, as a crash suspect, and nobody wrote down what became of it. */
  readonly alone: number;
  /** Its body and its key were read when it was last started alone: that is not what kills. */
  readonly readable: boolean;
  /** It is in a parking row: whatever is still delivered of it is done with. */
  readonly parked: boolean;
}

export const noAttempts: Attempts = { excused: 0, failed: 0, alone: 0, readable: false, parked: false };
