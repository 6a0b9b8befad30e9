import type { RecordRefused } from './errors.js';
import type { SourceRecord } from './source.js';

/**
 * Keeps records that can never be written. The offset passes such a record only after `send` has ended, so a letter
 * may be sent again after a crash: an implementation names it by partition and offset.
 */
export interface DeadLetters {
  send(letter: DeadLetter): Promise<void>;
}

export interface DeadLetter {
  /** Says partition, offset and reason. */
  readonly error: RecordRefused;
  readonly record: SourceRecord;
}
