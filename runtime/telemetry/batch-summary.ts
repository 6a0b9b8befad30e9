import type { Fault } from '../dedup/error.js';
import type { DeadLetterKind } from '../dedup/outcome.js';
import { errorLine, type ErrorLine } from './error-line.js';
import { logLine } from './log-line.js';

/** One batch in figures: records by outcome, and what DynamoDB charged. */
export interface BatchSummary {
  readonly consumer: string;
  readonly processed: number;
  readonly duplicate: number;
  /**
   * Came before their predecessors and are kept inside their aggregate, or belong to a stopped group and are in
   * parking rows.
   */
  readonly parked: number;
  /** None of this consumer's business. */
  readonly ignored: number;
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
  /**
   * Seconds since the first enqueue of the oldest message that comes again, by its sender's attribute, else since the
   * queue took it; 0: none comes again. The queue's own metric leaves out, on Standard, what was received three times
   * (AWS guide of SQS, sqs-available-cloudwatch-metrics).
   */
  readonly oldestSeconds: number;
  /** Every record that was rejected or comes again after an error. */
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly outcome: 'rejected' | 'retry';
  /** Whose fault it is. A defect is for a person to look at. */
  readonly fault: Fault;
  /** SHA-256 of the key, first 16 hex digits; keys may be personal data. Absent when there is no key. */
  readonly keyHash?: string;
  /** SQS message id, to find the message. */
  readonly messageId: string;
  readonly error: unknown;
}

/** What is said of a batch: one line for each problem, then one with its figures. Nothing of it is payload or key. */
export type SummaryLine =
  | ({ readonly exactlyOnce: 'problem'; readonly consumer: string } & Omit<Problem, 'error'> & ErrorLine)
  | ({ readonly exactlyOnce: 'batch' } & Omit<BatchSummary, 'problems'>);

/**
 * The lines of a batch, for a logger of one's own. Metric filters read them as long as these fields stay at the root
 * of the line, and the line is JSON from its first character.
 */
export function summaryLines({ problems, ...figures }: BatchSummary): SummaryLine[] {
  return [
    ...problems.map(({ error, ...problem }) => ({
      ...{ exactlyOnce: 'problem' as const, consumer: figures.consumer },
      ...problem,
      ...errorLine(error),
    })),
    { exactlyOnce: 'batch', ...figures },
  ];
}

/**
 * The default observer: one JSON line per batch and one per problem, without payloads, keys and messages of errors.
 */
export function logSummary(summary: BatchSummary): void {
  for (const line of summaryLines(summary)) logLine(line);
}
