import type { Ledger, Parked } from './ledger.js';
import type { Outcome } from './outcome.js';

/** An aggregate as it is stored: the user's state (undefined: never written) and what it knows of its streams. */
export interface Aggregate<State> {
  readonly state: State | undefined;
  readonly ledger: Ledger;
}

/** One event for one aggregate. */
export interface AggregateEvent {
  /** Incarnation of the producer's stream. Versions of different ones are never compared (R2). */
  readonly stream: string;
  /** Contiguous: the producer counted 1, 2, 3 inside its own commits. */
  readonly version: bigint;
  /**
   * The version before it that this consumer is sent: nothing between the two is for it, and nobody waits for that
   * (R53).
   *
   * @default - `version` - 1
   */
  readonly previous?: bigint;
  /**
   * The stream's numbers have gaps, as those of SQS have: whatever is above the position acts, and nothing is ever
   * early.
   *
   * @default false
   */
  readonly hasGaps?: boolean;
  readonly fingerprint: string;
  /** What the reducer needs, as text, so that it can be parked. Asked for only then. */
  readonly carried: string;
  /** Events of one lane (a FIFO group) keep their order: one that fails holds back the later ones. */
  readonly lane: string;
}

/** The version has a dead letter now, and is not to act for the present. */
export interface PassOver {
  readonly stream: string;
  readonly version: bigint;
  /** See {@link AggregateEvent.previous}. */
  readonly previous?: bigint;
  readonly hasGaps?: boolean;
  readonly how: 'skip' | 'stop';
  /** Position of the stream, if the aggregate has not met it. */
  readonly start: bigint;
}

/**
 * Pure and synchronous: it runs again when a race is lost. It sees a frozen state and returns the next one. What it
 * is to apply is an event of the caller's, or one that was parked, of which only the text is left.
 */
export type Reducer<State, Event = AggregateEvent> = (
  state: State | undefined,
  event: Event | Parked,
) => State;

/**
 * Of places at which events may be parked in rows of their own: what is in the row, null when there is none. Absent:
 * nobody has looked yet.
 */
export type KnownRows = ReadonlyMap<string, Parked | null>;

/** @param place see `slotOf` */
export function rowKey(stream: string, place: bigint): string {
  return `${place} ${stream}`;
}

export interface FoldOptions<State, Event> {
  readonly reduce: Reducer<State, Event>;
  /** Position of a stream that the aggregate meets for the first time, by the event that brings it. */
  readonly start: (event: Event) => bigint;
  /** Epoch seconds. */
  readonly now: number;
  /** @default - there are no rows, and what does not fit into the item waits in the queue */
  readonly rows?: KnownRows;
  /** Bytes that may be parked in the item. @default 100 KB */
  readonly room?: number;
  /** Events that are applied before the fold ends, at most. @default - all */
  readonly most?: number;
  /** Applied before the events. */
  readonly passOver?: PassOver;
  /**
   * Only the given events act: a parked one whose turn comes is `stuck` with {@link ParkedUntried}. @default false
   */
  readonly alone?: boolean;
  /** Streams in which parked events may act before the first event. @default - none */
  readonly drains?: Iterable<string>;
  /**
   * By stream and version: what the store refused, and why. It fails in place of being applied. @default - nothing
   */
  readonly refused?: ReadonlyMap<string, unknown>;
  /** Found by an earlier fold of the same events, which has been written. @default - nothing */
  readonly stuck?: readonly Stuck[];
  /** Seconds after which a gap is listed. @default - never */
  readonly gapSeconds?: number;
}

/** A parked event that failed when its turn came. It is still parked. */
export interface Stuck {
  readonly stream: string;
  readonly parked: Parked;
  readonly error: unknown;
}

export interface Folded<State, Event> {
  readonly after: Aggregate<State>;
  /** What is in no entry was not tried: its lane is closed, or the fold ended before it. */
  readonly outcomes: Map<Event, Outcome>;
  readonly changed: boolean;
  readonly stuck: readonly Stuck[];
  /**
   * Events that are taken for parked, and have to be put into rows of their own before this is written; then fold
   * again.
   */
  readonly overflow: readonly Event[];
  /** Rows that have to be looked for before it can be told whether the stream goes on: the first of them. */
  readonly wanted: readonly { readonly stream: string; readonly place: bigint }[];
  /** Streams that have not come to their end, because the fold was ended by `most`. */
  readonly unfinished: ReadonlySet<string>;
  /** How many of the events were reached. */
  readonly reached: number;
  /** What was applied, by stream and version, in order. */
  readonly applied: readonly string[];
}
