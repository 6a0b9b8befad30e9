import { ExactlyOnceError, KeyReused, RejectMessage } from './errors.js';
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
  readonly fingerprint: string;
  /** What the reducer needs, as text, so that it can be parked. */
  readonly carried: string;
  /** Events of one lane (a FIFO group) keep their order: one that fails holds back the later ones. */
  readonly lane: string;
}

/** Pure and synchronous: it runs again when a race is lost. It sees a frozen state and returns the next one. */
export type Reducer<State> = (state: State | undefined, carried: string) => State;

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
 * Applies events to an aggregate, in memory: the next version acts, an earlier one is a duplicate, a later one is parked until
 * the gap closes. A reducer that throws leaves nothing behind.
 *
 * @param start position of a stream that the aggregate meets for the first time, by the event that brings it.
 */
export function fold<State, Event extends AggregateEvent>(
  before: Aggregate<State>,
  events: readonly Event[],
  reduce: Reducer<State>,
  start: (event: AggregateEvent) => bigint,
): { after: Aggregate<State>; outcomes: Map<Event, EventOutcome>; changed: boolean } {
  const outcomes = new Map<Event, EventOutcome>();
  const closed = new Set<string>();
  const stuck = new Map<string, unknown>();
  const ledger = new Map(before.ledger);
  let state = before.state;
  let changed = false;

  const apply = (id: string, stream: Stream, carried: string): Stream => {
    state = deepFreeze(reduce(state, carried));
    const next = {
      position: stream.position + 1n,
      parked: stream.parked.filter(({ version }) => version > stream.position + 1n),
    };
    ledger.set(id, next);
    changed = true;
    return next;
  };
  const drain = (id: string): void => {
    let stream = ledger.get(id);
    for (
      let next = stream?.parked[0];
      stream !== undefined && next?.version === stream.position + 1n;
      next = stream.parked[0]
    )
      try {
        stream = apply(id, stream, next.carried);
      } catch (error) {
        stuck.set(id, error);
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
    if (event.version <= stream.position) outcome = { kind: 'duplicate' };
    else if (event.version === stream.position + 1n)
      try {
        apply(event.stream, stream, event.carried);
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
    if (stuck.has(event.stream) && event.version <= position)
      outcomes.set(event, { kind: 'failed', error: stuck.get(event.stream) });
  }
  return { after: { state, ledger }, outcomes, changed };
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
