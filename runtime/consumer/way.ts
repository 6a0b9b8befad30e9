import type { Limits } from '../dedup/limits.js';
import type { Meter } from '../dedup/meter.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { ParkedFailed } from '../dedup/errors.js';
import type { Recognised } from './arrival.js';
import type { LetterPosition } from '../sqs/dead-letter.js';
import type { OnFailure } from './settings.js';

/** What a way of committing says of one message. `held`: not tried, because an earlier one of its lane did not get through. */
export type WayOutcome =
  | { readonly kind: 'processed' | 'duplicate' | 'parked' | 'held' }
  | { readonly kind: 'rejected' | 'failed'; readonly error: unknown };

/** One of the ways to commit a message together with its effects: transaction, insert, aggregate. */
export interface Way<Body, Prepared> {
  /** Runs the handler, or whatever makes the message ready to be committed. Throws as a handler does. */
  prepare(
    recognised: Recognised<Body>,
    lane: string,
    /** What is left of the invocation, in milliseconds. */
    remainingMs: () => number,
  ): Prepared | Promise<Prepared>;
  /** Commits what was prepared, keeping the order within each lane. Never throws. What is in no entry counts as held. */
  commit(prepared: readonly Prepared[], limits: Limits): Promise<ReadonlyMap<Prepared, WayOutcome>>;
  /** Those that are known to have been processed, found cheaper than by a commit. @default - none is asked for */
  /** Runs before each batch. What it throws fails the batch. @default - nothing has to be made ready */
  ready?(sqs: () => Promise<SQSClient>): Promise<void>;
  recall?(recognised: readonly Recognised<Body>[], meter: Meter): Promise<ReadonlySet<Recognised<Body>>>;
  /** Keeps the order by positions of its own, so that no group of the queue has to be stopped. @default - it does not */
  readonly positions?: Positions<Body>;
}

export interface PassedOver {
  /** The stream stands still there. */
  readonly stands: boolean;
  /** The stream went on, and the next one that was parked failed at once. Nobody but the present message tries it again. */
  readonly stuck?: ParkedFailed;
}

/** What a way knows of the place of messages in their streams. */
export interface Positions<Body> {
  /** Where a message stands, and the stream as text that tells it from all others of the consumer. */
  of(recognised: Recognised<Body>): LetterPosition;
  /** What a dead letter of something that was parked holds: it was a message once. */
  readonly restore: (parked: ParkedFailed, carrier: SQSRecord) => SQSRecord;
  /**
   * The message at this position, if it is the next one, has a dead letter now: the stream goes on behind it and lists it as a hole,
   * or stops there until it comes again. Rejects when that is not known to be written.
   *
   * @param version another one of the same stream, which had been parked
   */
  passOver(
    recognised: Recognised<Body>,
    how: OnFailure,
    limits: Limits,
    version?: bigint,
  ): Promise<PassedOver>;
}
