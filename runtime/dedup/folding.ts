import { deepFreeze } from './deep-freeze.js';
import { asThrown, IgnoreMessage, isFinal } from './error.js';
import {
  rowKey,
  type Aggregate,
  type AggregateEvent,
  type Folded,
  type FoldOptions,
  type PassOver,
  type Stuck,
} from './folded.js';
import type { Ledger, Parked, Stream } from './ledger.js';
import { letGo } from './let-go.js';
import type { Outcome } from './outcome.js';
import { ownCopy } from './own-copy.js';
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
import { InvalidState, ParkedUntried, TooEarly } from './trouble-errors.js';
import { isTurn, nextOf, outcomeBefore, outcomeBeside } from './turn.js';

/** One fold under way: what has been applied so far, and what it needs before it can go on. */
export class Folding<State, Event extends AggregateEvent> {
  readonly outcomes = new Map<Event, Outcome>();
  readonly #before: Ledger;
  readonly #options: FoldOptions<State, Event>;
  readonly #ledger: Map<string, Stream>;
  readonly #stuck: Map<string, Stuck>;
  /** Events that need a row, if they do not act before the end. */
  readonly #overflow = new Map<string, Event>();
  readonly #wanted = new Map<string, bigint>();
  readonly #unfinished = new Set<string>();
  readonly #applied: string[] = [];
  #state: State | undefined;
  #changed = false;

  constructor({ state, ledger }: Aggregate<State>, options: FoldOptions<State, Event>) {
    this.#options = options;
    this.#before = ledger;
    this.#ledger = new Map(ledger);
    this.#stuck = new Map(options.stuck?.map((one) => [one.stream, one]));
    this.#state = state;
  }

  /** A row is asked for. Without it nothing that follows is worth anything. */
  get wants(): boolean {
    return this.#wanted.size > 0;
  }

  /** Nothing more may be applied. */
  get isFull(): boolean {
    return this.#applied.length >= (this.#options.most ?? Infinity);
  }

  get hasApplied(): boolean {
    return this.#applied.length > 0;
  }

  /** Tries an event, and what was parked behind it when it did not fail. */
  take(event: Event): Outcome {
    const outcome = this.#outcomeOf(event);
    this.outcomes.set(event, outcome);
    if (outcome.kind !== 'retry' && outcome.kind !== 'rejected') this.drain(event.stream);
    return outcome;
  }

  passOver(over: PassOver): void {
    const { stream: id, version, hasGaps, how, start } = over;
    const stream = this.#ledger.get(id) ?? { position: start, parked: [] };
    const isNext = isTurn(stream, over) || (stream.stopped === true && version === stream.stoppedAt);
    if (version > stream.position && (hasGaps || isNext))
      if (how === 'skip') {
        const moved = movedTo(stream, version, hasGaps ? null : undefined, this.#options.now);
        this.#put(id, withHole(moved, version));
      } else this.#stop(id, stream, version);
    if (this.#ledger.has(id)) this.drain(id);
  }

  /** Applies what was parked, as far as it is in order. */
  drain(id: string): void {
    for (let stream = this.#ledger.get(id); stream !== undefined; stream = this.#ledger.get(id)) {
      const next = this.#parkedNext(id, stream);
      if (next === null) return;
      if (this.isFull) {
        this.#unfinished.add(id);
        return;
      }
      if (next === undefined) {
        this.#wanted.set(id, nextOf(stream));
        return;
      }
      try {
        if (this.#options.alone) throw new ParkedUntried(id, next.version);
        this.#apply(id, stream, next);
        this.#stuck.delete(id);
      } catch (error) {
        this.#stuck.set(id, { stream: id, parked: next, error: asThrown(error) });
        return;
      }
    }
  }

  /** Lists the gaps that have stood for too long. */
  listGaps(events: readonly Event[]): void {
    const { now, gapSeconds = Infinity } = this.#options;
    for (const [id, stream] of this.#ledger)
      if (stream !== this.#before.get(id) || events.some((event) => event.stream === id)) {
        const { beyond, since, stopped, listed } = stream;
        const late = beyond !== undefined || now - (since ?? now) >= gapSeconds;
        const isHeld = this.#stuck.has(id) || this.#unfinished.has(id);
        if (!listed && !stopped && late && isWaiting(stream) && !isHeld)
          this.#put(id, { ...stream, listed: true });
      }
  }

  folded(reached: number): Folded<State, Event> {
    const ledger = this.#ledger;
    return {
      after: { state: this.#state, ledger },
      outcomes: this.outcomes,
      changed: this.#changed,
      // A copy of it that was delivered may have acted since.
      stuck: [...this.#stuck.values()].filter(({ stream, parked }) => isTurn(ledger.get(stream), parked)),
      overflow: [...this.#overflow.values()].filter(
        ({ stream, version }) => version >= nextOf(ledger.get(stream)),
      ),
      wanted: [...this.#wanted].map(([stream, place]) => ({ stream, place })),
      unfinished: this.#unfinished,
      reached,
      applied: this.#applied,
    };
  }

  #put(id: string, stream: Stream): void {
    this.#ledger.set(id, stream);
    this.#changed = true;
  }

  /** An event that the reducer would not have has had its turn all the same: nobody behind it waits for it. */
  #apply(id: string, stream: Stream, event: Event | Parked): 'processed' | 'ignored' {
    const { refused, now } = this.#options;
    const { version, fingerprint } = event;
    const key = rowKey(id, version);
    if (refused?.has(key)) throw refused.get(key);
    this.#applied.push(key);
    const kind = this.#reduce(event);
    const mark = 'hasGaps' in event && event.hasGaps ? null : fingerprint;
    this.#put(
      id,
      version > stream.position
        ? movedTo(stream, version, mark, now)
        : withoutHole(stream, version, fingerprint),
    );
    return kind;
  }

  #reduce(event: Event | Parked): 'processed' | 'ignored' {
    try {
      this.#state = deepFreeze(ownCopy(plain(letGo(this.#options.reduce(ownCopy(this.#state), event)))));
      return 'processed';
    } catch (error) {
      if (error instanceof IgnoreMessage) return 'ignored';
      throw error;
    }
  }

  /** What is parked at the next place: null when nothing is, undefined while nobody knows. */
  #parkedNext(id: string, stream: Stream): Parked | Event | null | undefined {
    const { rows } = this.#options;
    const place = nextOf(stream);
    const [first] = stream.parked;
    if (first !== undefined && slotOf(first) <= place) return first;
    if (stream.stopped || rows === undefined || place > (stream.beyond ?? 0n)) return null;
    const key = rowKey(id, place);
    const row = rows.get(key);
    // What has just come counts for nothing beside a row that may be there.
    if (row === null || place > (this.#before.get(id)?.beyond ?? 0n))
      return row ?? this.#overflow.get(key) ?? null;
    return row;
  }

  #stop(id: string, stream: Stream, version: bigint): void {
    // What was parked of it is in its dead letter.
    const parked = stream.parked.filter((one) => one.version !== version);
    if (stream.stopped === true && parked.length === stream.parked.length) return;
    this.#put(id, {
      ...{ ...stream, parked, stopped: true },
      ...(version !== nextOf(stream) && { stoppedAt: version }),
    });
  }

  #outcomeOf(event: Event): Outcome {
    const { stream: id, hasGaps } = event;
    let stream: Stream;
    try {
      stream = this.#ledger.get(id) ?? { position: this.#options.start(event), parked: [] };
    } catch (cause) {
      const error = asThrown(cause);
      return { kind: isFinal(error) ? 'rejected' : 'retry', error };
    }
    const known = outcomeBefore(stream, event);
    if (known !== undefined) return known;
    if (!hasGaps && event.version > stream.position && !isTurn(stream, event))
      return this.#park(event, stream);
    try {
      return { kind: this.#apply(id, stream, event) };
    } catch (cause) {
      const error = asThrown(cause);
      return { kind: isFinal(error) ? 'rejected' : 'retry', error };
    }
  }

  #park(event: Event, stream: Stream): Outcome {
    const { stream: id, version } = event;
    const { rows, now } = this.#options;
    const place = slotOf(event);
    const key = rowKey(id, place);
    const inItem = stream.parked.find((one) => one.version === version);
    const kept = inItem ?? rows?.get(key) ?? this.#overflow.get(key);
    // Two of one place: what this consumer is sent has changed. The other one has to act first.
    if (kept && kept.version !== version)
      return tooEarly(event, stream, `version ${kept.version} waits at its place`);
    const copy = kept && outcomeBeside(kept, event);
    if (copy?.kind === 'rejected' || inItem !== undefined) return copy ?? { kind: 'duplicate' };
    if (kept === undefined) {
      if (this.#parkInItem(event, stream)) return { kind: 'parked' };
      const reason = this.#noPlace(event, stream);
      if (reason) return tooEarly(event, stream, reason);
      this.#overflow.set(key, event);
    }
    if ((stream.beyond ?? 0n) < place)
      this.#put(id, { ...stream, beyond: place, since: stream.since ?? now });
    return { kind: 'parked' };
  }

  #parkInItem(event: Event, stream: Stream): boolean {
    const { now, room = parkingBytes } = this.#options;
    const { stream: id, version, previous, fingerprint } = event;
    // Where there may be a row of this version already, only the row tells whether it is of this payload.
    const fits = (stream.beyond ?? 0n) < slotOf(event) && parkedBytes(this.#ledger) + bytesOf(event) <= room;
    // Of versions that are not all for this consumer the window says nothing.
    const distance = previous === undefined ? version - stream.position : BigInt(stream.parked.length + 1);
    if (distance > parkingWindow || !fits) return false;
    const { carried } = event;
    const parked = { version, fingerprint, carried, ...(previous !== undefined && { previous }) };
    this.#put(id, withParked(stream, parked, now));
    return true;
  }

  /** Why it cannot be parked in a row of its own, or false. */
  #noPlace(event: Event, stream: Stream): string | false {
    const { rows, room = parkingBytes } = this.#options;
    const ahead = rows === undefined ? parkingWindow : parkingWindow + parkingRows;
    if (slotOf(event) - stream.position > ahead) return `at most ${ahead} versions ahead are parked`;
    const bytes = rows === undefined ? room : parkingRowBytes;
    return (rows === undefined || bytesOf(event) > bytes) && `at most ${bytes} bytes can be parked`;
  }
}

function tooEarly({ stream, version }: AggregateEvent, { position }: Stream, reason: string): Outcome {
  return { kind: 'retry', error: new TooEarly(stream, version, position, reason) };
}

/** @throws InvalidState when a reducer returned anything but a plain object. */
function plain<State>(state: State): State {
  if (typeof state !== 'object' || state === null) throw new InvalidState(String(state));
  const prototype: unknown = Object.getPrototypeOf(state);
  if (prototype === null || prototype === Object.prototype) return state;
  throw new InvalidState(`a ${state.constructor.name}`);
}
