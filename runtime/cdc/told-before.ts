import type { Change, Decode } from './change.js';
import { RecordRefused, SourceUnavailable } from './errors.js';
import {
  isBefore,
  isOpening,
  isUnplaced,
  labelOf,
  ordinalOf,
  systemOf,
  type SourcePosition,
} from './position.js';
import type { Source, TopicPartition } from './source.js';

/** A change of a transaction, with what the connector takes for its place in the history of the source. */
export type Placeable = Change & { readonly position: SourcePosition; readonly transaction: string };

export interface Log {
  readonly source: Source;
  readonly decode: Decode;
  /** Records of one step back: as many as are held at once anyway. @default rows 1,000 */
  readonly batch?: { readonly rows?: number };
}

const room = { maxRecords: 1_000, maxBytes: 1024 * 1024, waitMs: 5_000 };

/**
 * Which changes a log has told before one that seems to come again: of each transaction the last. The log is read
 * backwards, as far as the connector has gone back. Holds about 100 bytes for each transaction in that part of it.
 *
 * The log is made of stretches, each told by the connector in one go, and begun not behind the end of the one before.
 * One that leads from a transaction up to where the sink stands has told all between: what lies before it in the log
 * need not be read.
 */
export class ToldBefore {
  /** Ordinal of the last change that was told, by transaction. */
  readonly #told = new Map<string, bigint>();
  /** Offset down to which the log was read, and the change there. */
  #from: bigint;
  #first: Change;
  /** Last change of the stretch that is being read. */
  #end: Change | undefined;
  /** Label from which on everything that was told is in `told`. */
  #since: string | undefined;
  #isRead: 'in part' | 'to its beginning' | 'to where it was cut off' = 'in part';
  readonly #reached: SourcePosition;

  /**
   * @param change before which the log is read
   * @param reached the highest position that was told
   */
  constructor(change: Placeable, reached: SourcePosition) {
    this.#first = change;
    this.#from = change.offset;
    this.#reached = reached;
  }

  /** Whether a change was told; undefined when more of the log has to be read. */
  has({ position, transaction }: Placeable): boolean | undefined {
    const told = this.#told.get(transaction);
    if (told !== undefined && ordinalOf(position) <= told) return true;
    if (this.#since !== undefined && !isBefore(labelOf(position), this.#since)) return false;
    if (this.#isRead === 'in part') return undefined;
    // Of what a retention has taken away only the label tells, and it says that the change is behind.
    return this.#isRead === 'to where it was cut off' && told === undefined && !isOpening(position);
  }

  /** The log tells it now. */
  add({ position, transaction }: Change): void {
    if (position === undefined || transaction === undefined) return;
    const ordinal = ordinalOf(position);
    if (ordinal > (this.#told.get(transaction) ?? 0n)) this.#told.set(transaction, ordinal);
  }

  /**
   * Reads back until it is known whether the change was told. @returns whether it was
   *
   * @throws SourceUnavailable
   */
  async readFor(change: Placeable, { source, decode, batch }: Log): Promise<boolean> {
    const { partition } = change;
    const step = BigInt(batch?.rows ?? room.maxRecords);
    const { start } = await source.bounds(partition);
    for (;;) {
      const isTold = this.has(change);
      if (isTold !== undefined) return isTold;
      if (this.#from <= start) {
        this.#isRead = start === 0n ? 'to its beginning' : 'to where it was cut off';
        continue;
      }
      const from = this.#from - step > start ? this.#from - step : start;
      for (const one of (await changesOf(source, decode, partition, from, this.#from)).reverse())
        this.#meet(one, isOpening(change.position));
      this.#from = from;
    }
  }

  #meet(one: Change, isForOpening: boolean): void {
    if (this.#isRead !== 'in part') return;
    const later = this.#first;
    this.#first = one;
    const { position } = one;
    if (position === undefined) {
      // A connector that takes a snapshot begins a history: a transaction without a commit before it is of that one.
      if (isForOpening) this.#isRead = 'to its beginning';
      return;
    }
    if (systemOf(position) !== systemOf(this.#reached)) {
      this.#isRead = 'to its beginning';
      return;
    }
    if (!isOneStretch(one, later)) this.#end = one;
    this.add(one);
    const label = labelOf(position);
    if (this.#leadsOn() && (this.#since === undefined || isBefore(label, this.#since))) this.#since = label;
  }

  /** Whether the stretch leads up to what is known, or else to where the sink stands. */
  #leadsOn(): boolean {
    const end = this.#end?.position;
    if (end === undefined) return false;
    if (this.#since !== undefined) return !isBefore(labelOf(end), this.#since);
    const [label, reached] = [labelOf(end), labelOf(this.#reached)];
    if (label !== reached) return isBefore(reached, label);
    return isUnplaced(this.#reached) || ordinalOf(end) >= ordinalOf(this.#reached);
  }
}

/** Whether the connector may have told the one after the other without having begun again between them. */
function isOneStretch(one: Change, later: Change): boolean {
  if (one.position === undefined || later.position === undefined) return false;
  const [label, next] = [labelOf(one.position), labelOf(later.position)];
  if (one.transaction !== later.transaction) return isBefore(label, next);
  return label === next && ordinalOf(one.position) < ordinalOf(later.position);
}

async function changesOf(
  source: Source,
  decode: Decode,
  partition: TopicPartition,
  from: bigint,
  to: bigint,
): Promise<Change[]> {
  const found: Change[] = [];
  for (let next = from; next < to;) {
    const records = await source.fetch(partition, next, room);
    const last = records.at(-1);
    if (last === undefined)
      throw new SourceUnavailable(`the log gives nothing from offset ${next}, where it has ${to} or more`);
    for (const record of records) {
      if (record.offset >= to) break;
      const change = decoded(decode, record, partition);
      if (change !== undefined) found.push(change);
    }
    next = last.offset + 1n;
  }
  return found;
}

/** What was refused is passed: it was never written. */
function decoded(decode: Decode, ...[record, partition]: Parameters<Decode>): Change | undefined {
  try {
    return decode(record, partition);
  } catch (error) {
    if (error instanceof RecordRefused) return undefined;
    throw error;
  }
}
