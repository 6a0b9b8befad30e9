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
  return positionText(systemId, timeline, digits(commitLsn, 20), ordinal);
}

/**
 * Of a change in the transaction that a connector without offsets begins with: it knows of no commit before it, so
 * the place of the transaction among others is not known. It is recognised by its number alone, and is never taken
 * for older than what a sink has.
 */
export function openingPosition(
  { systemId, timeline, ordinal }: Omit<PositionParts, 'commitLsn'>,
  transactionId: bigint,
): SourcePosition {
  return positionText(systemId, timeline, `t${digits(transactionId, 20)}`, ordinal);
}

function positionText(
  systemId: string,
  timeline: number,
  transaction: string,
  ordinal: bigint,
): SourcePosition {
  if (!/^\d{1,20}$/.test(systemId)) throw new InvalidSequence(systemId);
  return `${systemId}/${digits(BigInt(timeline), 10)}/${transaction}/${digits(ordinal, 20)}` as SourcePosition;
}

const stored = /^\d{1,20}\/\d{10}\/(\d{20}|t\d{20})\/\d{20}(;t\d{20}\/\d{20})?$/;

/** A position as a sink has kept it. @throws InvalidSequence when it is none. */
export function storedPosition(text: string): SourcePosition {
  if (!stored.test(text)) throw new InvalidSequence(text);
  return text as SourcePosition;
}

/**
 * Whether a change is behind what a sink has: it was written, and comes again under a new offset. Of another system
 * it never is.
 */
export function isBehind(change: SourcePosition, reached: SourcePosition | undefined): boolean {
  if (reached === undefined || systemOf(change) !== systemOf(reached)) return false;
  const opening = openingOf(change);
  const known = openingOf(reached);
  if (opening !== undefined)
    return known !== undefined && known.slice(0, idWidth) === opening.slice(0, idWidth) && opening <= known;
  const head = headOf(reached);
  // Digits of one width: text order is the order of the numbers. Behind an opening there is nothing else.
  return !isOpening(head) && change <= head;
}

/** What a sink has reached with a change. It remembers the last transaction that a connector has begun with. */
export function advanced(reached: SourcePosition | undefined, change: SourcePosition): SourcePosition {
  if (reached === undefined || isOpening(change) || systemOf(change) !== systemOf(reached)) return change;
  const opening = openingOf(reached);
  return (opening === undefined ? change : `${change};${opening}`) as SourcePosition;
}

/** Of `t<transaction>/`. */
const idWidth = 22;

/** `t<transaction>/<ordinal>` of the position itself, or of the opening that it remembers. */
function openingOf(position: string): string | undefined {
  return /[/;](t\d{20}\/\d{20})/.exec(position)?.[1];
}

export function isOpening(position: string): boolean {
  return /^\d+\/\d+\/t/.test(position);
}

/** Which transaction, of a change's position: all of it but the ordinal. */
export function labelOf(position: SourcePosition): string {
  const head = headOf(position);
  return head.slice(0, head.lastIndexOf('/'));
}

/** Which change of the transaction. */
export function ordinalOf(position: SourcePosition): bigint {
  const head = headOf(position);
  return BigInt(head.slice(head.lastIndexOf('/') + 1));
}

/** Without the opening that a sink remembers. */
function headOf(position: SourcePosition): string {
  const end = position.indexOf(';');
  return end < 0 ? position : position.slice(0, end);
}

/** Of labels of one system: an opening is the first of all. */
export function isBefore(label: string, other: string): boolean {
  if (isOpening(label)) return !isOpening(other);
  return !isOpening(other) && label < other;
}

/** Ordinals from here on are of changes whose own label is not known: behind every transaction with the label. */
const unplaced = 10n ** 19n;

/** Of a change that is the next one after what a sink has reached, and whose own label says less. */
export function successor(reached: SourcePosition): SourcePosition {
  const ordinal = isUnplaced(reached) ? ordinalOf(reached) + 1n : unplaced;
  return `${labelOf(reached)}/${digits(ordinal, 20)}` as SourcePosition;
}

export function isUnplaced(position: SourcePosition): boolean {
  return ordinalOf(position) >= unplaced;
}

export function systemOf(position: SourcePosition): string {
  return position.slice(0, position.indexOf('/'));
}

function digits(value: bigint, width: number): string {
  // Callers of JavaScript may give anything.
  if (typeof (value as unknown) !== 'bigint' || value < 0n) throw new InvalidSequence(value);
  return String(value).padStart(width, '0');
}
