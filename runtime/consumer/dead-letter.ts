import type { DeadLetterKind } from '../dedup/outcome.js';
import type { Position } from '../dedup/way.js';

/** Why and from where a message was dead-lettered. */
export interface DeadLetter {
  /** `name: message` of the error, at most 1,000 bytes. */
  readonly reason: string;
  readonly kind: DeadLetterKind;
  readonly consumerName: string;
  /** Absent when the body was too broken to tell. */
  readonly key?: string;
  /**
   * Of the message that was given up. A worker that dies between the letter and its note sends it once more: the two
   * have one `stream` and one `messageId`. Absent: of an older release.
   */
  readonly messageId?: string;
  /** ARN of the queue it came from. */
  readonly stream: string;
  readonly group?: string;
  /**
   * Of the message that came first, kept through redrives: dead letters sorted by it are in the order of their group.
   */
  readonly sequence?: string;
  /** Where the message stands in what the consumer knows of positions: aggregates only. */
  readonly position?: Position;
  /** ISO 8601 time of the first enqueue: the horizon counts from it, not from the copy's. */
  readonly firstEnqueue: string;
  /** Failures of its own. */
  readonly attempts: number;
  /** How often it was redriven by `npx exactly-once-aws redrive`. Absent: never. */
  readonly redrives?: number;
}
