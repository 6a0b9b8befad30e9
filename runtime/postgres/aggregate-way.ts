import { deepFreeze } from '../dedup/fold.js';
import { RejectMessage } from '../dedup/errors.js';
import type { Parked } from '../dedup/ledger.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import {
  recallEach,
  startOf,
  streamPositions,
  StreamUnit,
  type StartAt,
  type StreamPlace,
} from '../dedup/stream-positions.js';
import type { FailedParked, Identified, Positions, Way } from '../dedup/way.js';
import { PostgresAggregateStore } from './aggregate-store.js';
import type { Isolation } from './begin.js';
import type { PostgresPool } from './client.js';
import { assertSchema } from './schema.js';
import { connectionsOf } from './transaction-way.js';
import type { PostgresTx } from './transaction.js';

/** Where a message stands: in which aggregate, by its name, in which of its streams, and where there. */
export type PostgresPlace = StreamPlace<string>;

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
  readonly startAt?: StartAt<Source>;
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
export type PostgresAggregateUnit<Source = unknown> = StreamUnit<string, Source>;

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
  const store = new PostgresAggregateStore<Unit>({
    ...{ pool, consumerName: options.consumerName, isolation: options.isolation ?? 'read committed' },
    gapSeconds: options.gapSeconds ?? 15 * 60,
    handle: async (event: Unit | Parked, tx) =>
      options.handle(
        deepFreeze(event instanceof StreamUnit ? event.source : await restore(event.carried)),
        tx,
      ),
    start: ({ version, source: first }) => startOf(startAt, version, first),
    wentOn: async (aggregate, stream, limits) => wentOn?.(streamText(aggregate, stream), limits),
  });
  const positions = streamPositions({
    ...{ place, source, startAt, hasGaps, placeOf, textOf: streamText },
    // Nobody waits in a stream that has no position.
    passOver: async (aggregate: string, over, limits) =>
      aggregate.isWellFormed() ? store.passOver(aggregate, over, limits) : nothingWaits,
  });
  const width = connectionsOf(pool);
  return {
    ready: async (limits) => assertSchema(pool, limits),
    prepare: (message, { lane }) =>
      new StreamUnit(place(message), message, lane, source(message), hasGaps, () => carry(message)),
    async commit(units, limits, alone) {
      const outcomes = new Map<Unit, Outcome>();
      for (const unit of units)
        if (!unit.address.isWellFormed())
          outcomes.set(unit, { kind: 'rejected', error: new RejectMessage(loneSurrogate) });
      const failedParked: FailedParked[] = [];
      const left = [
        ...Map.groupBy(
          units.filter((unit) => !outcomes.has(unit)),
          ({ address }) => address,
        ),
      ];
      const worker = async () => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          const [aggregate, ofOne] = next;
          const committed = await store.commit(aggregate, ofOne, limits, alone);
          for (const [unit, outcome] of committed.outcomes) outcomes.set(unit, outcome);
          failedParked.push(...positions.failed(aggregate, committed.stuck));
        }
      };
      await Promise.all(Array.from({ length: Math.min(width, left.length) }, worker));
      return { outcomes, failedParked };
    },
    recall: async (messages, limits, consistent) =>
      recallEach(messages, consistent, async (message) => {
        const { address, ...at } = place(message);
        if (!address.isWellFormed()) return undefined;
        return store.recall(address, { ...at, fingerprint: message.fingerprint }, limits);
      }),
    positions,
  };
}

const nothingWaits = { stands: false, stuck: [] };

/** UTF-8 writes every lone surrogate as the same three bytes: two aggregates would share their positions. */
const loneSurrogate = 'the name of the aggregate holds a lone surrogate, which UTF-8 cannot represent';

/** One stream of one aggregate, as text that tells it from all others of the consumer. */
export function streamText(aggregate: string, stream: string): string {
  return JSON.stringify([aggregate, stream]);
}

/** @throws RejectMessage when the text is no position of this way. */
function placeOf(text: string): { readonly address: string; readonly stream: string } {
  try {
    const [address, stream] = JSON.parse(text) as readonly unknown[];
    if (typeof address === 'string' && typeof stream === 'string') return { address, stream };
  } catch {
    // The text is no position of ours.
  }
  throw new RejectMessage('the position is not of an aggregate in Postgres');
}
