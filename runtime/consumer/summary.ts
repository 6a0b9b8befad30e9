import { createHash } from 'node:crypto';
import type { DeadLetterKind } from '../sqs/dead-letter.js';
import { logLine } from '../telemetry/log-line.js';

/** What became of a record. A queue knows only "delete" (all but the last) and "comes again". */
export type RecordOutcome = 'processed' | 'duplicate' | 'parked' | 'rejected' | 'retry';

/** One batch in figures: records by outcome, and what DynamoDB charged. */
export interface BatchSummary {
  readonly consumer: string;
  readonly processed: number;
  readonly duplicate: number;
  /** Came before their predecessors and are kept inside their aggregate, or belong to a stopped group and are in parking rows. */
  readonly parked: number;
  readonly rejected: number;
  readonly retry: number;
  /** Of those that come again: without a failure of their own, because they were not tried or had to wait. */
  readonly excused: number;
  /** Dead letters by their kind. */
  readonly dead: Readonly<Record<DeadLetterKind, number>>;
  /** Groups and streams that were stopped. */
  readonly stopped: number;
  /** DynamoDB write units, as DynamoDB reported them; cancelled transactions report none. */
  readonly writeUnits: number;
  /** DynamoDB read units. */
  readonly readUnits: number;
  /** DynamoDB calls. */
  readonly calls: number;
  /** Attempts that met another transaction, throttling, or a newer version of an aggregate. */
  readonly conflicts: number;
  /** Seconds since the receipts that suppressed duplicates were written or last renewed; transaction way only. */
  readonly receiptAges: readonly number[];
  /** Every record that was rejected or comes again after an error. */
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly outcome: 'rejected' | 'retry';
  /** SHA-256 of the key, first 16 hex digits; keys may be personal data. Absent when there is no key. */
  readonly keyHash?: string;
  /** SQS message id, to find the message. */
  readonly messageId: string;
  readonly error: unknown;
}

/** What a batch counts as it goes. */
export type Tally = Pick<BatchSummary, 'stopped'> & { dead: Record<DeadLetterKind, number>; stopped: number };

export function newTally(): Tally {
  return { dead: { rejected: 0, failed: 0, died: 0, parked: 0 }, stopped: 0 };
}

export function keyHash(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}

/** The default observer: one JSON line per batch and one per problem, without payloads and keys. */
export function logSummary({ problems, ...figures }: BatchSummary): void {
  for (const { error, ...problem } of problems) {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
    logLine({
      exactlyOnce: 'problem',
      consumer: figures.consumer,
      ...problem,
      error: `${name}: ${message}`,
    });
  }
  logLine({ exactlyOnce: 'batch', ...figures });
}
