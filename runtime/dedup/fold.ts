import { ExactlyOnceError, KeyReused, ParkedFailed, RejectMessage } from './errors.js';
import type { Ledger, Parked, Stream } from './ledger.js';

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
   * The stream's numbers have gaps, as those of SQS have: whatever is above the position acts, and nothing is ever early.
   *
   * @default false
   */
  readonly hasGaps?: boolean;
  /**
   * The event is not to act: it has a dead letter. `skip`: if it is the next one, the position moves and leaves a hole. `stop`: if it
   * is the next one, the stream is marked as standing still.
   *
   * @default - it is to act
   */
  readonly passOver?: 'skip' | 'stop';
  readonly fingerprint: string;
  /** What the reducer needs, as text, so that it can be parked. Asked for only then. */
  readonly carried: string;
  /** Events of one lane (a FIFO group) keep their order: one that fails holds back the later ones. */
  readonly lane: string;
}

/**
 * Pure and synchronous: it runs again when a race is lost. It sees a frozen state and returns the next one. What it is to apply is an
 * event of the caller's, or one that was parked, of which only the text is left.
 */
export type Reducer<State, Event = AggregateEvent> = (
  state: State | undefined,
  event: Event | Parked,
) => State;

export type EventOutcome =
  | { readonly kind: 'processed' | 'duplicate' | 'parked' | 'held' }
  | { readonly kind: 'rejected' | 'failed'; readonly error: unknown };

/** An event is too far ahead to be parked; it waits in the queue. */
export class TooEarly extends ExactlyOnceError {
  override name = 'TooEarly';
  constructor(
    readonly stream: string,
    readonly version: bigint,
    readonly position: bigint,
    reason: string,
  ) {
    super(`version ${version} of stream '${stream}' is ahead of position ${position}: ${reason}`);
  }
}

/** How far ahead an event may be parked. A window, not first come: so that the nearest versions always find room. */
export const parkingWindow = 64n;
/** How many bytes may be parked in one aggregate. */
export const parkingBytes = 100 * 1024;

/**
 * Applies events to an aggregate, in memory: the next version acts, an earlier one is a duplicate unless it is a hole, a later one
 * is parked until the gap closes. A reducer that throws leaves nothing behind.
 *
 * Of an event that is passed over: `processed` when the stream goes on behind it, `parked` when it stands still there, `duplicate` when
 * it was not the next one.
 *
 * @param start position of a stream that the aggregate meets for the first time, by the event that brings it.
 */
export function fold<State, Event extends AggregateEvent>(
  before: Aggregate<State>,
  events: readonly Event[],
  reduce: Reducer<State, Event>,
  start: (event: AggregateEvent) => bigint,
): { after: Aggregate<State>; outcomes: Map<Event, EventOutcome>; changed: boolean } {
  const outcomes = new Map<Event, EventOutcome>();
  const closed = new Set<string>();
  const stuck = new Map<string, ParkedFailed>();
  const ledger = new Map(before.ledger);
  let state = before.state;
  let changed = false;

  const put = (id: string, stream: Stream): Stream => {
    ledger.set(id, stream);
    changed = true;
    return stream;
  };
  const apply = (id: string, stream: Stream, event: Event | Parked): Stream => {
    const { version } = event;
    state = deepFreeze(reduce(state, event));
    return put(id, version > stream.position ? movedTo(version, stream) : withoutHole(version, stream));
  };
  const passOver = (event: Event, stream: Stream): EventOutcome => {
    const { version, stream: id } = event;
    if (version <= stream.position || !isNext(event, stream)) return { kind: 'duplicate' };
    if (event.passOver === 'skip') {
      put(id, { ...movedTo(version, stream), holes: [...(stream.holes ?? []), version] });
      return { kind: 'processed' };
    }
    // What was parked of it is in its dead letter.
    const parked = stream.parked.filter((one) => one.version !== version);
    if (stream.stopped !== true || parked.length < stream.parked.length)
      put(id, { ...stream, parked, stopped: true });
    return { kind: 'parked' };
  };
  const drain = (id: string): void => {
    let stream = ledger.get(id);
    for (
      let next = stream?.parked[0];
      stream !== undefined && next?.version === stream.position + 1n;
      next = stream.parked[0]
    )
      try {
        stream = apply(id, stream, next);
      } catch (error) {
        stuck.set(id, new ParkedFailed(id, next.version, next.carried, error));
        return;
      }
  };

  for (const event of events) {
    if (closed.has(event.lane)) {
      outcomes.set(event, { kind: 'held' });
      continue;
    }
    const stream = ledger.get(event.stream) ?? { position: start(event), parked: [] };
    let outcome: EventOutcome;
    if (event.passOver !== undefined) outcome = passOver(event, stream);
    else if (event.version <= stream.position && stream.holes?.includes(event.version) !== true)
      outcome = { kind: 'duplicate' };
    else if (isNext(event, stream))
      try {
        apply(event.stream, stream, event);
        outcome = { kind: 'processed' };
      } catch (error) {
        outcome = { kind: error instanceof RejectMessage ? 'rejected' : 'failed', error };
      }
    else {
      outcome = park(event, stream, ledger);
      changed ||= outcome.kind === 'parked';
    }
    outcomes.set(event, outcome);
    if (outcome.kind === 'failed' || outcome.kind === 'rejected') closed.add(event.lane);
    else drain(event.stream);
  }
  // A parked event has no message of its own any more. While it fails, the messages behind the position are its carriers: one of
  // them coming again is what tries it again.
  for (const event of events) {
    const position = ledger.get(event.stream)?.position ?? 0n;
    const failed = stuck.get(event.stream);
    if (failed === undefined || event.version > position) continue;
    const { stream, version, carried, cause } = failed;
    const own = outcomes.get(event)?.kind;
    const became = own === 'processed' || own === 'parked' ? own : 'duplicate';
    outcomes.set(event, {
      kind: 'failed',
      error: new ParkedFailed(stream, version, carried, cause, became),
    });
  }
  return { after: { state, ledger }, outcomes, changed };
}

/** It may act now: the one after the position, or one that was passed over. */
function isNext({ version, hasGaps }: AggregateEvent, { position }: Stream): boolean {
  return version <= position + 1n || hasGaps === true;
}

/** Whatever acts at the position makes the stream go on. */
function movedTo(version: bigint, { parked, holes }: Stream): Stream {
  return {
    position: version,
    parked: parked.filter((one) => one.version > version),
    ...(holes && { holes }),
  };
}

function withoutHole(version: bigint, { holes = [], ...stream }: Stream): Stream {
  return { ...stream, holes: holes.filter((hole) => hole !== version) };
}

function park(event: AggregateEvent, stream: Stream, ledger: Map<string, Stream>): EventOutcome {
  const { version, fingerprint, carried } = event;
  const same = stream.parked.find((parked) => parked.version === version);
  if (same !== undefined) {
    if (same.fingerprint === fingerprint) return { kind: 'duplicate' };
    return {
      kind: 'rejected',
      error: new KeyReused(`${event.stream}@${version}`, same.fingerprint, fingerprint),
    };
  }
  if (version - stream.position > parkingWindow)
    return early(event, stream, `at most ${parkingWindow} versions ahead are parked`);
  if (parkedBytes(ledger) + bytesOf({ version, fingerprint, carried }) > parkingBytes)
    return early(event, stream, `at most ${parkingBytes} bytes are parked in one aggregate`);
  const parked = [...stream.parked, { version, fingerprint, carried }];
  ledger.set(event.stream, { ...stream, parked: parked.sort((a, b) => (a.version < b.version ? -1 : 1)) });
  return { kind: 'parked' };
}

function early({ stream: id, version }: AggregateEvent, { position }: Stream, reason: string): EventOutcome {
  return { kind: 'failed', error: new TooEarly(id, version, position, reason) };
}

function parkedBytes(ledger: Ledger): number {
  let bytes = 0;
  for (const { parked } of ledger.values()) for (const event of parked) bytes += bytesOf(event);
  return bytes;
}

function bytesOf({ fingerprint, carried }: Parked): number {
  return Buffer.byteLength(carried) + fingerprint.length + 50;
}

/** Frozen to the last leaf by us. Being frozen at the top proves nothing about what lies below. */
const frozen = new WeakSet<object>();

/** Freezes plain data to its last leaf, so that a reducer that changes what it was given throws instead. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || frozen.has(value) || ArrayBuffer.isView(value))
    return value;
  frozen.add(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
