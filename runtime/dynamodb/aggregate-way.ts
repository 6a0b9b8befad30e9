import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { deepFreeze } from '../dedup/fold.js';
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
  type StreamPositions,
} from '../dedup/stream-positions.js';
import type { Committed, FailedParked, Identified, Positions, Turn, Way } from '../dedup/way.js';
import { placeOfText, streamText } from './aggregate-place.js';
import { AggregateStore, type AggregateStoreOptions } from './aggregate-store.js';
import type { ItemAddress, Row, Table } from './table.js';

/** Where a message stands: in which aggregate's item, in which of its streams, and where there. */
export type AggregatePlace = StreamPlace<ItemAddress>;

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
export type AggregateUnit<Source = unknown> = StreamUnit<ItemAddress, Source>;

/**
 * The aggregate way: messages are folded into one item each, in the order of the producer's versions. See {@link
 * AggregateStore} for what it guarantees and what bounds it has.
 */
export function aggregateWay<Message extends Identified, Source>(
  options: AggregateWayOptions<Message, Source>,
): Way<Message, AggregateUnit<Source>> & { readonly positions: Positions<Message> } {
  const { place, source, carry, startAt = '1', hasGaps = false } = options;
  const store = storeOf(options);
  const positions = streamPositions({
    ...{ place, source, startAt, hasGaps, textOf: streamText },
    placeOf: (text) => placeOfText(options.table, text),
    passOver: async (address: ItemAddress, over, limits) => store.passOver(address, over, limits),
  });
  return {
    prepare: (message: Message, { lane }: Turn) =>
      new StreamUnit(place(message), message, lane, source(message), hasGaps, () => carry(message)),
    commit: (units, limits, alone) => commitUnits(store, positions, units, limits, alone),
    // The fold knows without a read while the item is warm.
    recall: async (messages, limits, consistent) =>
      recallEach(messages, consistent, async (message) => {
        const { address, ...at } = place(message);
        return store.recall(address, { ...at, fingerprint: message.fingerprint }, limits);
      }),
    positions,
  };
}

function storeOf<Message extends Identified, Source>(
  options: AggregateWayOptions<Message, Source>,
): AggregateStore<AggregateUnit<Source>> {
  const { restore, startAt = '1', wentOn } = options;
  return new AggregateStore({
    ...options,
    reduce: (state, event: AggregateUnit<Source> | Parked) =>
      options.reduce(state, deepFreeze(event instanceof StreamUnit ? event.source : restore(event.carried))),
    start: ({ version, source: first }) => startOf(startAt, version, first),
    wentOn: wentOn && ((address, stream, limits) => wentOn(streamText(address, stream), limits)),
  });
}

/** Each aggregate of a batch is written by itself, all at once. */
async function commitUnits<Source>(
  store: AggregateStore<AggregateUnit<Source>>,
  { failed }: Pick<StreamPositions<unknown, ItemAddress>, 'failed'>,
  units: readonly AggregateUnit<Source>[],
  limits: Limits,
  alone: boolean | undefined,
): Promise<Committed<AggregateUnit<Source>>> {
  const outcomes = new Map<AggregateUnit<Source>, Outcome>();
  const failedParked: FailedParked[] = [];
  await Promise.all(
    [...Map.groupBy(units, ({ address }) => address.id).values()].map(async (ofOne) => {
      const [{ address }] = ofOne as [AggregateUnit<Source>];
      const committed = await store.commit(address, ofOne, limits, alone);
      for (const [unit, outcome] of committed.outcomes) outcomes.set(unit, outcome);
      failedParked.push(...failed(address, committed.stuck));
    }),
  );
  return { outcomes, failedParked };
}
