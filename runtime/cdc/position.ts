import { InvalidSequence } from '../dedup/error.js';

/**
 * Where a change is in the history of its Postgres: text, so that it is stored as it is compared. Made by
 * {@link sourcePosition} alone; a number, such as Debezium's `source.lsn`, does not compile: the LSN of a row is
 * ordered neither across transactions nor within one, because rows of one statement share it (R6).
 */
export type SourcePosition = string & { readonly __sourcePosition: unique symbol };

export interface PositionParts {
  /** `system_identifier` of the cluster, decimal digits. Positions of two systems are never compared (R2). */
  readonly systemId: string;
  /** Grows with every promotion of a standby. */
  readonly timeline: number;
  /**
   * Which transaction, in the order of commits: the LSN of a commit. Debezium tells of each row the commit *before*
   * its transaction, which orders transactions just the same.
   */
  readonly commitLsn: bigint;
  /** Which change of the transaction, from 1: `transaction.total_order`. */
  readonly ordinal: bigint;
}

/** @throws InvalidSequence for what is no position. */
export function sourcePosition({ systemId, timeline, commitLsn, ordinal }: PositionParts): SourcePosition {
  if (!/^\d{1,20}$/.test(systemId)) throw new InvalidSequence(systemId);
  return `${systemId}/${digits(BigInt(timeline), 10)}/${digits(commitLsn, 20)}/${digits(ordinal, 20)}` as SourcePosition;
}

/** A position as a sink has kept it. @throws InvalidSequence when it is none. */
export function storedPosition(text: string): SourcePosition {
  if (!/^\d{1,20}\/\d{10}\/\d{20}\/\d{20}$/.test(text)) throw new InvalidSequence(text);
  return text as SourcePosition;
}

/**
 * Whether a change is behind what a sink has: it was written, and comes again under a new offset. Of another system
 * it never is.
 */
export function isBehind(change: SourcePosition, reached: SourcePosition | undefined): boolean {
  if (reached === undefined || systemOf(change) !== systemOf(reached)) return false;
  // Digits of one width: text order is the order of the numbers.
  return change <= reached;
}

function systemOf(position: SourcePosition): string {
  return position.slice(0, position.indexOf('/'));
}

function digits(value: bigint, width: number): string {
  // Callers of JavaScript may give anything.
  if (typeof (value as unknown) !== 'bigint' || value < 0n) throw new InvalidSequence(value);
  return String(value).padStart(width, '0');
}
