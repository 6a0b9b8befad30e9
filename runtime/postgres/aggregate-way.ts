import { deepFreeze, type AggregateEvent, type Stuck } from '../dedup/fold.js';
import { RejectMessage } from '../dedup/errors.js';
import type { Parked } from '../dedup/ledger.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { sequence } from '../dedup/sequence.js';
import type { FailedParked, Identified, Position, Positions, Prepared, Way } from '../dedup/way.js';
import { PostgresAggregateStore } from './aggregate-store.js';
import type { Isolation } from './begin.js';
import type { PostgresPool } from './client.js';
import { assertSchema } from './schema.js';
import { connectionsOf } from './transaction-way.js';
import type { PostgresTx } from './transaction.js';

/** Where a message stands: in which aggregate, in which of its streams, and where there. */
export interface PostgresPlace {
  readonly aggregate: string;
  readonly stream: string;
  readonly version: bigint;
  /** See {@link AggregateEvent.previous}. */
  readonly previous?: bigint;
}

export interface PostgresAggregateWayOptions<Message extends Identified, Source> {
  readonly pool: PostgresPool;
  readonly consumerName: string;
  readonly place: (message: Message) => PostgresPlace;
  /** What the handler is given of a message. */
  readonly source: (message: Message) => Source;
  /** All that is needed to make the source again, as text. Asked for only when the message is parked. */
  readonly carry: (message: Message) => string;
  /** @throws what says why it cannot be read any more */
  readonly restore: (carried: string) => Source | Promise<Source>;
  readonly handle: (source: Source, tx: PostgresTx) => unknown;
  /** Where a stream starts that an aggregate has not met (R54): see `startAt` of the consumer. @default '1' */
  readonly startAt?: '1' | 'now' | ((source: Source) => string);
  /** The numbers of all streams have gaps. @default false */
  readonly hasGaps?: boolean;
  /** @default 'read committed' */
  readonly isolation?: Isolation;
  /** Seconds for which an event may wait for its predecessors before the gap is listed. @default 900 */
  readonly gapSeconds?: number;
  /** Told when a stream that stood still goes on again. It must not throw. @default - nobody is told */
  readonly wentOn?: (stream: string, limits: Limits) => Promise<void>;
}

/** A message that waits for the transaction of its aggregate. */
export class PostgresAggregateUnit<Source = unknown> implements AggregateEvent, Prepared {
  declare readonly looked?: boolean;
  readonly aggregate: string;
  readonly stream: string;
  readonly version: bigint;
  readonly previous?: bigint;
  readonly fingerprint: string;
  readonly #carry: () => string;

  constructor(
    { aggregate, stream, version, previous }: PostgresPlace,
    { fingerprint }: Identified,
    readonly lane: string,
    readonly source: Source,
    readonly hasGaps: boolean,
    carry: () => string,
  ) {
    this.aggregate = aggregate;
    this.stream = stream;
    this.version = version;
    if (previous !== undefined) this.previous = previous;
    this.fingerprint = fingerprint;
    this.#carry = carry;
  }

  get carried(): string {
    return this.#carry();
  }
}

/**
 * The aggregate way on Postgres: messages of one aggregate act in the order of the producer's versions, each through
 * the transaction that moves the position. See {@link PostgresAggregateStore} for what it guarantees.
 *
 * Aggregates of a batch run side by side, as many as the pool has connections. With the default isolation each
 * statement sees what is committed; nobody else acts on the aggregate meanwhile, but rows that others write as well
 * have to be read `FOR UPDATE`.
 */
export function postgresAggregateWay<Message extends Identified, Source>(
  options: PostgresAggregateWayOptions<Message, Source>,
): Way<Message, PostgresAggregateUnit<Source>> & { readonly positions: Positions<Message> } {
  type Unit = PostgresAggregateUnit<Source>;
  const { pool, place, source, carry, restore, startAt = '1', hasGaps = false, wentOn } = options;
  const startOf = (version: bigint, first: Source): bigint => {
    if (startAt === '1') return 0n;
    return (startAt === 'now' ? version : BigInt(sequence(startAt(first)))) - 1n;
  };
  const store = new PostgresAggregateStore<Unit>({
    ...{ pool, consumerName: options.consumerName, isolation: options.isolation ?? 'read committed' },
    gapSeconds: options.gapSeconds ?? 15 * 60,
    handle: async (event: Unit | Parked, tx) =>
      options.handle(
        deepFreeze(event instanceof PostgresAggregateUnit ? event.source : await restore(event.carried)),
        tx,
      ),
    start: ({ version, source: first }) => startOf(version, first),
    wentOn: async (aggregate, stream, limits) => wentOn?.(streamText(aggregate, stream), limits),
  });
  const width = connectionsOf(pool);
  return {
    ready: async (limits) => assertSchema(pool, limits),
    prepare: (message, { lane }) =>
      new PostgresAggregateUnit(place(message), message, lane, source(message), hasGaps, () =>
        carry(message),
      ),
    async commit(units, limits, alone) {
      const outcomes = new Map<Unit, Outcome>();
      const failedParked: FailedParked[] = [];
      const left = [...Map.groupBy(units, ({ aggregate }) => aggregate)];
      const worker = async () => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          const [aggregate, ofOne] = next;
          const committed = await store.commit(aggregate, ofOne, limits, alone);
          for (const [unit, outcome] of committed.outcomes) outcomes.set(unit, outcome);
          failedParked.push(...committed.stuck.map((one) => failed(aggregate, one)));
        }
      };
      await Promise.all(Array.from({ length: Math.min(width, left.length) }, worker));
      return { outcomes, failedParked };
    },
    // Only before a verdict (R45): for all others the fold tells.
    async recall(messages, limits, consistent) {
      const found = new Map<Message, Outcome>();
      if (!consistent) return found;
      for (const message of messages) {
        const { aggregate, ...at } = place(message);
        const outcome = await store.recall(aggregate, { ...at, fingerprint: message.fingerprint }, limits);
        if (outcome !== undefined) found.set(message, outcome);
      }
      return found;
    },
    positions: positionsOf(store, options, startOf),
  };
}

/** Starts that are remembered of streams which were asked about and may have to be passed over. */
const maxStarts = 1_000;

function positionsOf<Message extends Identified, Source>(
  store: PostgresAggregateStore<PostgresAggregateUnit<Source>>,
  { place, source, startAt = '1', hasGaps = false }: PostgresAggregateWayOptions<Message, Source>,
  startOf: (version: bigint, first: Source) => bigint,
): Positions<Message> {
  const starts = new Map<string, bigint>();
  const note = (stream: string, start: () => bigint) => {
    try {
      starts.delete(stream);
      starts.set(stream, start());
      const [oldest = ''] = starts.keys();
      if (starts.size > maxStarts) starts.delete(oldest);
    } catch {
      // The selector makes nothing of this message. Its stream then starts as the default says.
    }
  };
  return {
    of(message): Position {
      const { aggregate, stream, ...at } = place(message);
      const text = streamText(aggregate, stream);
      if (startAt !== '1') note(text, () => startOf(at.version, source(message)));
      return positionOf(text, at);
    },
    async passOver(position, how, limits) {
      const { aggregate, stream } = placeOf(position.stream);
      const version = BigInt(sequence(position.sequence));
      const start = starts.get(position.stream) ?? (hasGaps ? version - 1n : 0n);
      const previous = position.previous === undefined ? undefined : BigInt(sequence(position.previous));
      const over = { stream, version, previous, hasGaps, how, start };
      const { stands, stuck } = await store.passOver(aggregate, over, limits);
      return { stands, failedParked: stuck.map((one) => failed(aggregate, one)) };
    },
  };
}

/** One stream of one aggregate, as text that tells it from all others of the consumer. */
export function streamText(aggregate: string, stream: string): string {
  return JSON.stringify([aggregate, stream]);
}

/** @throws RejectMessage when the text is no position of this way. */
function placeOf(text: string): { readonly aggregate: string; readonly stream: string } {
  try {
    const [aggregate, stream] = JSON.parse(text) as readonly unknown[];
    if (typeof aggregate === 'string' && typeof stream === 'string') return { aggregate, stream };
  } catch {
    // The text is no position of ours.
  }
  throw new RejectMessage('the position is not of an aggregate in Postgres');
}

function failed(aggregate: string, { stream, parked, error }: Stuck): FailedParked {
  const { carried, fingerprint } = parked;
  return { position: positionOf(streamText(aggregate, stream), parked), carried, fingerprint, error };
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
