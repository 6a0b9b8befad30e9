import { deepFreeze } from './deep-freeze.js';
import { isFinal } from './error.js';
import { InvalidState, KeyReused, ParkedUntried, ParkedWaiting, TooEarly } from './trouble-errors.js';
import type { Ledger, Parked, Stream } from './ledger.js';
import { otherMark } from './marks.js';
import type { Outcome } from './outcome.js';
import {
  bytesOf,
  isWaiting,
  movedTo,
  parkedBytes,
  parkingBytes,
  parkingRowBytes,
  parkingRows,
  parkingWindow,
  slotOf,
  withHole,
  withoutHole,
  withParked,
} from './stream.js';

export { deepFreeze } from './deep-freeze.js';
export { TooEarly } from './errors.js';
export { parkingBytes, parkingWindow } from './stream.js';

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

/**
 * Applies events to an aggregate, in memory: the next version acts, an earlier one is a duplicate unless it is a
 * hole, a later one is parked until the gap closes. A reducer that throws leaves nothing behind.
 *
 * @param closed lanes of which nothing more may act; those that an event closes are added.
 */
export function fold<State, Event extends AggregateEvent>(
  before: Aggregate<State>,
  events: readonly Event[],
  options: FoldOptions<State, Event>,
  closed = new Set<string>(),
): Folded<State, Event> {
  const { reduce, start, now, rows, room = parkingBytes, most = Infinity, gapSeconds = Infinity } = options;
  const outcomes = new Map<Event, Outcome>();
  const ledger = new Map(before.ledger);
  const stuck = new Map(options.stuck?.map((one) => [one.stream, one]));
  /** Events that need a row, if they do not act before the end. */
  const overflow = new Map<string, Event>();
  const wanted = new Map<string, bigint>();
  const unfinished = new Set<string>();
  const applied: string[] = [];
  let state = before.state;
  let changed = false;

  const put = (id: string, stream: Stream): void => {
    ledger.set(id, stream);
    changed = true;
  };
  const apply = (id: string, stream: Stream, event: Event | Parked): void => {
    const { version, fingerprint } = event;
    const key = rowKey(id, version);
    if (options.refused?.has(key)) throw options.refused.get(key);
    applied.push(key);
    state = deepFreeze(plain(reduce(state, event)));
    const mark = 'hasGaps' in event && event.hasGaps ? null : fingerprint;
    put(
      id,
      version > stream.position
        ? movedTo(stream, version, mark, now)
        : withoutHole(stream, version, fingerprint),
    );
  };
  /** Applies what was parked, as far as it is in order. */
  const drain = (id: string): void => {
    for (let stream = ledger.get(id); stream !== undefined; stream = ledger.get(id)) {
      const place = nextOf(stream);
      let [next] = stream.parked as [(Parked | null)?];
      if (next === undefined || next === null || slotOf(next) > place) {
        if (stream.stopped || rows === undefined || place > (stream.beyond ?? 0n)) return;
        const key = rowKey(id, place);
        next = rows.get(key);
        // What has just come counts for nothing beside a row that may be there.
        if (next === null || place > (before.ledger.get(id)?.beyond ?? 0n))
          next ??= overflow.get(key) ?? null;
      }
      if (next === null) return;
      if (applied.length >= most) {
        unfinished.add(id);
        return;
      }
      if (next === undefined) {
        wanted.set(id, place);
        return;
      }
      try {
        if (options.alone) throw new ParkedUntried(id, next.version);
        apply(id, stream, next);
        stuck.delete(id);
      } catch (error) {
        stuck.set(id, { stream: id, parked: next, error });
        return;
      }
    }
  };
  const passOver = (over: PassOver): void => {
    const { stream: id, version, hasGaps, how, start } = over;
    const stream = ledger.get(id) ?? { position: start, parked: [] };
    const isNext = isTurn(stream, over) || (stream.stopped === true && version === stream.stoppedAt);
    if (version > stream.position && (hasGaps || isNext))
      if (how === 'skip') {
        const moved = movedTo(stream, version, hasGaps ? null : undefined, now);
        put(id, withHole(moved, version));
      } else {
        // What was parked of it is in its dead letter.
        const parked = stream.parked.filter((one) => one.version !== version);
        if (stream.stopped !== true || parked.length < stream.parked.length)
          put(id, {
            ...{ ...stream, parked, stopped: true },
            ...(version !== nextOf(stream) && { stoppedAt: version }),
          });
      }
    if (ledger.has(id)) drain(id);
  };
  const park = (event: Event, stream: Stream): Outcome => {
    const { stream: id, version, previous, fingerprint } = event;
    const place = slotOf(event);
    const key = rowKey(id, place);
    const inItem = stream.parked.find((one) => one.version === version);
    const kept = inItem ?? rows?.get(key) ?? overflow.get(key);
    // Two of one place: what this consumer is sent has changed. The other one has to act first.
    if (kept && kept.version !== version) {
      const reason = `version ${kept.version} waits at its place`;
      return { kind: 'retry', error: new TooEarly(id, version, stream.position, reason) };
    }
    const copy = kept && outcomeBeside(kept, event);
    if (copy?.kind === 'rejected' || inItem !== undefined) return copy ?? { kind: 'duplicate' };
    if (kept === undefined) {
      // Where there may be a row of this version already, only the row tells whether it is of this payload.
      const fits = (stream.beyond ?? 0n) < place && parkedBytes(ledger) + bytesOf(event) <= room;
      // Of versions that are not all for this consumer the window says nothing.
      const distance = previous === undefined ? version - stream.position : BigInt(stream.parked.length + 1);
      if (distance <= parkingWindow && fits) {
        const { carried } = event;
        const parked = { version, fingerprint, carried, ...(previous !== undefined && { previous }) };
        put(id, withParked(stream, parked, now));
        return { kind: 'parked' };
      }
      const ahead = rows === undefined ? parkingWindow : parkingWindow + parkingRows;
      const bytes = rows === undefined ? room : parkingRowBytes;
      const reason =
        place - stream.position > ahead
          ? `at most ${ahead} versions ahead are parked`
          : (rows === undefined || bytesOf(event) > bytes) && `at most ${bytes} bytes can be parked`;
      if (reason) return { kind: 'retry', error: new TooEarly(id, version, stream.position, reason) };
      overflow.set(key, event);
    }
    if ((stream.beyond ?? 0n) < place) put(id, { ...stream, beyond: place, since: stream.since ?? now });
    return { kind: 'parked' };
  };
  const outcomeOf = (event: Event): Outcome => {
    const { stream: id, hasGaps } = event;
    let stream: Stream;
    try {
      stream = ledger.get(id) ?? { position: start(event), parked: [] };
    } catch (error) {
      return { kind: isFinal(error) ? 'rejected' : 'retry', error };
    }
    const known = outcomeBefore(stream, event);
    if (known !== undefined) return known;
    if (!hasGaps && event.version > stream.position && !isTurn(stream, event)) return park(event, stream);
    try {
      apply(id, stream, event);
      return { kind: 'processed' };
    } catch (error) {
      return { kind: isFinal(error) ? 'rejected' : 'retry', error };
    }
  };

  if (options.passOver !== undefined) passOver(options.passOver);
  for (const id of options.drains ?? []) if (wanted.size === 0) drain(id);
  let reached = 0;
  for (const event of events) {
    // Without the row that is asked for nothing that follows is worth anything.
    if (wanted.size > 0 || (applied.length >= most && applied.length > 0)) break;
    reached += 1;
    if (closed.has(event.lane)) continue;
    const outcome = outcomeOf(event);
    outcomes.set(event, outcome);
    if (outcome.kind === 'retry' || outcome.kind === 'rejected') closed.add(event.lane);
    else drain(event.stream);
  }
  for (const [id, stream] of ledger)
    if (stream !== before.ledger.get(id) || events.some((event) => event.stream === id)) {
      const { beyond, since, stopped, listed } = stream;
      const late = beyond !== undefined || now - (since ?? now) >= gapSeconds;
      if (!listed && !stopped && late && isWaiting(stream) && !stuck.has(id) && !unfinished.has(id))
        put(id, { ...stream, listed: true });
    }
  return {
    after: { state, ledger },
    outcomes,
    changed,
    // A copy of it that was delivered may have acted since.
    stuck: [...stuck.values()].filter(({ stream: id, parked }) => isTurn(ledger.get(id), parked)),
    overflow: [...overflow.values()].filter(({ stream, version }) => version >= nextOf(ledger.get(stream))),
    wanted: [...wanted].map(([stream, place]) => ({ stream, place })),
    unfinished,
    reached,
    applied,
  };
}

/**
 * What became of an event whose version has had its turn: it acted, or another payload did. Undefined when it has
 * not, or is a hole.
 */
export function outcomeBefore(
  { position, holes, marks }: Stream,
  { stream: id, version, fingerprint }: Pick<AggregateEvent, 'stream' | 'version' | 'fingerprint'>,
): Outcome | undefined {
  if (version > position || holes?.includes(version) === true) return undefined;
  const other = otherMark(marks, position - version, fingerprint);
  if (other === undefined) return { kind: 'duplicate' };
  return { kind: 'rejected', error: new KeyReused(`${id}@${version}`, other, fingerprint) };
}

/** What becomes of an event of which this is parked already: it is a copy of it, or another payload. */
export function outcomeBeside(
  kept: Pick<Parked, 'fingerprint'>,
  { stream: id, version, fingerprint }: Pick<AggregateEvent, 'stream' | 'version' | 'fingerprint'>,
): Outcome {
  if (kept.fingerprint === fingerprint) return { kind: 'duplicate' };
  return { kind: 'rejected', error: new KeyReused(`${id}@${version}`, kept.fingerprint, fingerprint) };
}

/**
 * A parked event has no message of its own any more. While it has not acted although its turn has come, the messages
 * at or below the position are its carriers: one of them coming again is what tries it again. They are never blamed
 * for it.
 */
export function holdCarriers<Event extends AggregateEvent>(
  outcomes: Map<Event, Outcome>,
  ledger: Ledger,
  waiting: Iterable<string>,
): void {
  for (const stream of waiting) {
    const position = ledger.get(stream)?.position ?? 0n;
    for (const [event, { kind }] of outcomes)
      if (
        event.stream === stream &&
        event.version <= position &&
        (kind === 'processed' || kind === 'parked' || kind === 'duplicate')
      )
        outcomes.set(event, { kind: 'retry', error: new ParkedWaiting(stream, position + 1n, kind) });
  }
}

function nextOf(stream: Stream | undefined): bigint {
  return (stream?.position ?? 0n) + 1n;
}

/** Whether everything before it that is for this consumer has acted, so far as is known. */
function isTurn(
  stream: Stream | undefined,
  event: { readonly version: bigint; readonly previous?: bigint },
): boolean {
  const next = nextOf(stream);
  // One that is parked before it is for this consumer too, whatever the event says.
  const before = stream?.parked[0];
  return (
    event.version >= next &&
    slotOf(event) <= next &&
    (before === undefined || before.version >= event.version)
  );
}

/** @throws InvalidState when a reducer returned anything but a plain object. */
function plain<State>(state: State): State {
  if (typeof state !== 'object' || state === null) throw new InvalidState(String(state));
  const prototype: unknown = Object.getPrototypeOf(state);
  if (prototype === null || prototype === Object.prototype) return state;
  throw new InvalidState(`a ${state.constructor.name}`);
}
