import { RejectMessage } from './error.js';
import type { AggregateEvent, PassOver, Stuck } from './folded.js';
import type { Limits } from './limits.js';
import type { Outcome } from './outcome.js';
import { sequence } from './sequence.js';
import type { FailedParked, Identified, PassedOver, Position, Positions, Prepared } from './way.js';

/**
 * Where a stream starts that an aggregate has not met; always for one aggregate and one incarnation of its stream
 * (R54).
 *
 * `'1'`: with the producer's first event. `'now'`: with the first event to arrive; one that was sent before it and
 * arrives later counts as done, so this is for where order is kept on the way (FIFO). A function: with the version
 * that it makes of the first event to arrive, such as one that the event carries of its snapshot; everything before
 * that counts as done. Decimal digits.
 */
export type StartAt<Source> = '1' | 'now' | ((source: Source) => string);

/**
 * A producer's version, from its digits.
 *
 * @throws InvalidSequence when it is none. RejectMessage for 0 where counts start at 1: it would be taken for a copy
 *   of what has acted before, and be lost.
 */
export function versionOf(text: string, startAt: StartAt<never>): bigint {
  const version = BigInt(sequence(text));
  if (version === 0n && startAt === '1')
    throw new RejectMessage(
      "version 0 comes before the first one, which is 1; where a producer counts from 0, give startAt: () => '0'",
    );
  return version;
}

/** The position of a stream before its first event. */
export function startOf<Source>(startAt: StartAt<Source>, version: bigint, first: Source): bigint {
  if (startAt === '1') return 0n;
  return (startAt === 'now' ? version : BigInt(sequence(startAt(first)))) - 1n;
}

/** Where a message stands: in which aggregate, in which of its streams, and where there. */
export interface StreamPlace<Address> {
  readonly address: Address;
  readonly stream: string;
  readonly version: bigint;
  /** See {@link AggregateEvent.previous}. */
  readonly previous?: bigint;
}

/** A message that is ready to act on its aggregate. */
export class StreamUnit<Address, Source = unknown> implements AggregateEvent, Prepared {
  declare readonly looked?: boolean;
  readonly fingerprint: string;
  readonly address: Address;
  readonly stream: string;
  readonly version: bigint;
  readonly previous?: bigint;
  readonly #carry: () => string;

  constructor(
    { address, stream, version, previous }: StreamPlace<Address>,
    { fingerprint }: Identified,
    readonly lane: string,
    readonly source: Source,
    readonly hasGaps: boolean,
    carry: () => string,
  ) {
    this.#carry = carry;
    this.address = address;
    this.stream = stream;
    this.version = version;
    if (previous !== undefined) this.previous = previous;
    this.fingerprint = fingerprint;
  }

  get carried(): string {
    return this.#carry();
  }
}

/** What the positions of a store that keeps streams by aggregate are made with. */
export interface StreamPositionsOptions<Message, Address, Source> {
  readonly place: (message: Message) => StreamPlace<Address>;
  readonly source: (message: Message) => Source;
  readonly startAt: StartAt<Source>;
  readonly hasGaps: boolean;
  /** One stream of one aggregate, as text that tells it from all others of the consumer. */
  readonly textOf: (address: Address, stream: string) => string;
  /** @throws RejectMessage when the text is no position of the store */
  readonly placeOf: (text: string) => { readonly address: Address; readonly stream: string };
  readonly passOver: (
    address: Address,
    over: PassOver,
    limits: Limits,
  ) => Promise<{ readonly stands: boolean; readonly stuck: readonly Stuck[] }>;
}

export interface StreamPositions<Message, Address> extends Positions<Message> {
  /** What a commit or a drain says of parked events that failed in their turn. */
  readonly failed: (address: Address, stuck: readonly Stuck[]) => FailedParked[];
}

/** The positions of a way that folds events into aggregates. */
export function streamPositions<Message extends Identified, Address, Source>(
  options: StreamPositionsOptions<Message, Address, Source>,
): StreamPositions<Message, Address> {
  const { place, source, startAt, hasGaps, textOf } = options;
  const starts = new StreamStarts();
  const failed = (address: Address, stuck: readonly Stuck[]) =>
    stuck.map(({ stream, parked, error }) => ({
      position: positionOf(textOf(address, stream), parked),
      carried: parked.carried,
      fingerprint: parked.fingerprint,
      error,
    }));
  return {
    failed,
    of(message): Position {
      const { address, stream, ...at } = place(message);
      const text = textOf(address, stream);
      if (startAt !== '1') starts.note(text, () => startOf(startAt, at.version, source(message)));
      return positionOf(text, at);
    },
    async passOver(position, how, limits): Promise<PassedOver> {
      const { address, stream } = options.placeOf(position.stream);
      const version = BigInt(sequence(position.sequence));
      const start = starts.get(position.stream) ?? (hasGaps ? version - 1n : 0n);
      const previous = position.previous === undefined ? undefined : BigInt(sequence(position.previous));
      const over = { stream, version, previous, hasGaps, how, start };
      const { stands, stuck } = await options.passOver(address, over, limits);
      return { stands, failedParked: failed(address, stuck) };
    },
  };
}

/**
 * `recall` of a way whose fold tells what a message is: it is asked for only before a verdict (R45).
 *
 * @param consistent see {@link Way.recall}; nothing is asked for without it.
 */
export async function recallEach<Message>(
  messages: readonly Message[],
  consistent: boolean,
  recall: (message: Message) => Promise<Outcome | undefined>,
): Promise<ReadonlyMap<Message, Outcome>> {
  const found = new Map<Message, Outcome>();
  if (!consistent) return found;
  for (const message of messages) {
    const outcome = await recall(message);
    if (outcome !== undefined) found.set(message, outcome);
  }
  return found;
}

/** Starts that are remembered of streams which were asked about and may have to be passed over. */
const maxStarts = 1_000;

class StreamStarts {
  readonly #starts = new Map<string, bigint>();

  get(stream: string): bigint | undefined {
    return this.#starts.get(stream);
  }

  note(stream: string, start: () => bigint): void {
    try {
      this.#starts.delete(stream);
      this.#starts.set(stream, start());
      for (const oldest of this.#starts.keys()) {
        if (this.#starts.size <= maxStarts) return;
        this.#starts.delete(oldest);
      }
    } catch {
      // The selector makes nothing of this message. Its stream then starts as the default says.
    }
  }
}

function positionOf(
  stream: string,
  { version, previous }: { readonly version: bigint; readonly previous?: bigint },
): Position {
  return {
    stream,
    sequence: version.toString(),
    ...(previous !== undefined && { previous: previous.toString() }),
  };
}
