import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Limits } from '../dedup/limits.js';
import type { Write } from './write.js';

/** Takes events for `tx.publish`: what `outbox` of the outbox room makes. */
export interface Publisher<Event> {
  /** @throws InvalidWrite when the event cannot be stored. */
  publication(event: Event): Publication;
}

/** Takes jobs for `tx.enqueue`: what `jobPublisher` of the jobs room makes. */
export interface Enqueuer<Job, Transaction> {
  /** Puts into the transaction all that makes it a job. */
  enqueueIn(tx: Transaction, job: Job): Promise<void>;
}

/**
 * One event on its way into an outbox. What has to be done with it comes with it, so that a consumer that publishes
 * nothing does not carry the code.
 */
export interface Publication {
  /** Size of the row, rounded up. */
  readonly bytes: number;
  /**
   * Numbers the publications of one attempt, this one among them, in their order.
   *
   * @throws EpochEnded when one of them may publish no more; CommitFailed; DependencyFailed.
   */
  number(
    publications: readonly Publication[],
    io: Limits & { readonly client: DynamoDBClient },
  ): Promise<Numbering>;
}

/** The events of one attempt under their versions. */
export interface Numbering {
  /** The row of each event, on condition that nobody has given its version. */
  readonly rows: readonly Write[];
  /** Takes down that the attempt has written them. */
  committed(): void;
  /** Takes down that a version may have been given by now: the next attempt asks. @default rows - all of them */
  doubt(rows?: readonly Write[]): void;
}
