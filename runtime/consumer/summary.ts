import { errorText, faultOf, type Fault } from '../dedup/errors.js';
import type { Meter } from '../dedup/meter.js';
import type { Outcome } from '../dedup/outcome.js';
import { keyHash } from '../telemetry/key-hash.js';
import { logLine } from '../telemetry/log-line.js';
import type { Arrival } from './arrival.js';
import type { DeadLetterKind } from './dead-letter.js';
import type { Delivery } from './transport.js';

/** One batch in figures: records by outcome, and what DynamoDB charged. */
export interface BatchSummary {
  readonly consumer: string;
  readonly processed: number;
  readonly duplicate: number;
  /** Came before their predecessors and are kept inside their aggregate, or belong to a stopped group and are in parking rows. */
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

/** What a batch counts as it goes. */
export type Tally = Pick<BatchSummary, 'stopped'> & { dead: Record<DeadLetterKind, number>; stopped: number };

export function newTally(): Tally {
  return { dead: { rejected: 0, failed: 0, died: 0, parked: 0 }, stopped: 0 };
}

/** What a batch came to. @param back those that come again */
export function summarise<Body, D extends Delivery>(
  consumer: string,
  arrivals: readonly Arrival<Body, D>[],
  back: readonly Arrival<Body, D>[],
  { writeUnits, readUnits, calls, conflicts, receiptAges }: Meter,
): Omit<BatchSummary, 'dead' | 'stopped'> {
  const count = (kind: Outcome['kind']) => arrivals.filter(({ outcome }) => outcome?.kind === kind).length;
  return {
    consumer,
    processed: count('processed'),
    duplicate: count('duplicate'),
    parked: count('parked'),
    ignored: count('ignored'),
    rejected: count('rejected'),
    retry: back.length,
    excused: back.filter(({ isCounted }) => !isCounted).length,
    writeUnits,
    readUnits,
    calls,
    conflicts,
    receiptAges,
    problems: arrivals.flatMap((arrival) => problemOf(arrival) ?? []),
  };
}

function problemOf({ outcome, delivery, recognised }: Arrival<unknown>): Problem | undefined {
  if (outcome?.kind !== 'rejected' && outcome?.kind !== 'retry') return undefined;
  const { kind, error } = outcome;
  if (error === undefined) return undefined;
  const key = recognised?.message.key;
  return {
    outcome: kind,
    fault: faultOf(error),
    messageId: delivery.id,
    keyHash: key === undefined ? undefined : keyHash(key),
    error,
  };
}

/** The default observer: one JSON line per batch and one per problem, without payloads and keys. */
export function logSummary({ problems, ...figures }: BatchSummary): void {
  for (const { error, ...problem } of problems)
    logLine({ exactlyOnce: 'problem', consumer: figures.consumer, ...problem, error: errorText(error) });
  logLine({ exactlyOnce: 'batch', ...figures });
}
