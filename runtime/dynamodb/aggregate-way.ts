import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { deepFreeze, type AggregateEvent, type Stuck } from '../dedup/fold.js';
import type { Parked } from '../dedup/ledger.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { sequence } from '../dedup/sequence.js';
import type {
  Committed,
  FailedParked,
  Identified,
  PassedOver,
  Position,
  Positions,
  Prepared,
  Turn,
  Way,
} from '../dedup/way.js';
import { placeOfText, streamText } from './aggregate-place.js';
import { AggregateStore, type AggregateStoreOptions } from './aggregate-store.js';
import type { ItemAddress, Row, Table } from './table.js';

/** Where a message stands: in which aggregate's item, in which of its streams, and where there. */
export interface AggregatePlace {
  readonly address: ItemAddress;
  readonly stream: string;
  readonly version: bigint;
  /** See {@link AggregateEvent.previous}. */
  readonly previous?: bigint;
}

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

export interface AggregateWayOptions<Message extends Identified, Source> {
  readonly client: DynamoDBClient;
  readonly table: Table;
  /** What the reducer is given of a message. */
  readonly source: (message: Message) => Source;
  readonly place: (message: Message) => AggregatePlace;
  /** All that is needed to make the source again, as text. Asked for only when the message is parked. */
  readonly carry: (message: Message) => string;
  /** @throws what says why it cannot be read any more */
  readonly restore: (carried: string) => Source;
  readonly reduce: (state: Row | undefined, source: Source) => Row;
  /** @default '1' */
  readonly startAt?: StartAt<Source>;
  /** The numbers of all streams have gaps. See {@link AggregateEvent.hasGaps}. @default false */
  readonly hasGaps?: boolean;
  /** @default - see {@link AggregateStoreOptions.dedup} */
  readonly dedup?: AggregateStoreOptions['dedup'];
  /** @default 900 */
  readonly gapSeconds?: number;
  /** Told when a stream that stood still goes on again. It must not throw. @default - nobody is told */
  readonly wentOn?: (stream: string, limits: Limits) => Promise<void>;
  /** Bytes of items kept in memory. @default 8 MB */
  readonly warmBytes?: number;
}

/** A message that is ready to be folded into its aggregate. */
export class AggregateUnit<Source = unknown> implements AggregateEvent, Prepared {
  declare readonly looked?: boolean;
  readonly fingerprint: string;
  readonly address: ItemAddress;
  readonly stream: string;
  readonly version: bigint;
  readonly previous?: bigint;
  readonly #carry: () => string;

  constructor(
    { address, stream, version, previous }: AggregatePlace,
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

/**
 * The aggregate way: messages are folded into one item each, in the order of the producer's versions. See {@link
 * AggregateStore} for what it guarantees and what bounds it has.
 */
export function aggregateWay<Message extends Identified, Source>(
  options: AggregateWayOptions<Message, Source>,
): Way<Message, AggregateUnit<Source>> & { readonly positions: Positions<Message> } {
  const { place, source, carry, startAt = '1', hasGaps = false } = options;
  const startOf = (version: bigint, first: Source): bigint => {
    if (startAt === '1') return 0n;
    return (startAt === 'now' ? version : BigInt(sequence(startAt(first)))) - 1n;
  };
  const store = storeOf(options, startOf);
  return {
    prepare: (message: Message, { lane }: Turn) =>
      new AggregateUnit(place(message), message, lane, source(message), hasGaps, () => carry(message)),
    commit: (units, limits, alone) => commitUnits(store, units, limits, alone),
    // Only before a verdict (R45): for all others the fold tells, and knows without a read while the item is warm.
    async recall(messages, limits, consistent): Promise<ReadonlyMap<Message, Outcome>> {
      const found = new Map<Message, Outcome>();
      if (!consistent) return found;
      for (const message of messages) {
        const { address, ...at } = place(message);
        const outcome = await store.recall(address, { ...at, fingerprint: message.fingerprint }, limits);
        if (outcome !== undefined) found.set(message, outcome);
      }
      return found;
    },
    positions: positionsOf(store, options, startOf),
  };
}

type StartOf<Source> = (version: bigint, first: Source) => bigint;

function storeOf<Message extends Identified, Source>(
  options: AggregateWayOptions<Message, Source>,
  startOf: StartOf<Source>,
): AggregateStore<AggregateUnit<Source>> {
  const { restore, wentOn } = options;
  return new AggregateStore({
    ...options,
    reduce: (state, event: AggregateUnit<Source> | Parked) =>
      options.reduce(
        state,
        deepFreeze(event instanceof AggregateUnit ? event.source : restore(event.carried)),
      ),
    start: ({ version, source: first }) => startOf(version, first),
    wentOn: wentOn && ((address, stream, limits) => wentOn(streamText(address, stream), limits)),
  });
}

/** Each aggregate of a batch is written by itself, all at once. */
async function commitUnits<Source>(
  store: AggregateStore<AggregateUnit<Source>>,
  units: readonly AggregateUnit<Source>[],
  limits: Limits,
  alone: boolean | undefined,
): Promise<Committed<AggregateUnit<Source>>> {
  const outcomes = new Map<AggregateUnit<Source>, Outcome>();
  const failed: FailedParked[] = [];
  await Promise.all(
    [...Map.groupBy(units, ({ address }) => address.id).values()].map(async (ofOne) => {
      const [{ address }] = ofOne as [AggregateUnit<Source>];
      const committed = await store.commit(address, ofOne, limits, alone);
      for (const [unit, outcome] of committed.outcomes) outcomes.set(unit, outcome);
      failed.push(...committed.stuck.map((one) => failedParked(address, one)));
    }),
  );
  return { outcomes, failedParked: failed };
}

function positionsOf<Message extends Identified, Source>(
  store: AggregateStore<AggregateUnit<Source>>,
  { table, place, source, startAt = '1', hasGaps = false }: AggregateWayOptions<Message, Source>,
  startOf: StartOf<Source>,
): Positions<Message> {
  const starts = new StreamStarts();
  return {
    of(message): Position {
      const { address, stream, ...at } = place(message);
      const text = streamText(address, stream);
      if (startAt !== '1') starts.note(text, () => startOf(at.version, source(message)));
      return positionOf(text, at);
    },
    async passOver(position, how, limits): Promise<PassedOver> {
      const { address, stream } = placeOfText(table, position.stream);
      const version = BigInt(sequence(position.sequence));
      const start = starts.get(position.stream) ?? (hasGaps ? version - 1n : 0n);
      const previous = position.previous === undefined ? undefined : BigInt(sequence(position.previous));
      const over = { stream, version, previous, hasGaps, how, start };
      const { stands, stuck } = await store.passOver(address, over, limits);
      return { stands, failedParked: stuck.map((one) => failedParked(address, one)) };
    },
  };
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

function failedParked(address: ItemAddress, { stream, parked, error }: Stuck): FailedParked {
  const { carried, fingerprint } = parked;
  return {
    position: positionOf(streamText(address, stream), parked),
    carried,
    fingerprint,
    error,
  };
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
