import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { AggregateStore } from '../dedup/aggregate-store.js';
import { InvalidSettings, ParkedFailed, RejectMessage } from '../dedup/errors.js';
import { exactJsonText, maxDepth, parseJson } from '../dedup/exact-json.js';
import { deepFreeze, type AggregateEvent, type EventOutcome } from '../dedup/fold.js';
import type { Parked } from '../dedup/ledger.js';
import { sequence } from '../dedup/sequence.js';
import { addressOf, type ItemAddress, type Row, type Table } from '../dedup/table.js';
import { restore, streamOf, wentOn } from './aggregate-streams.js';
import type { Recognised } from './arrival.js';
import { handlerOf, type ConsumerOptions, type SqsConsumer } from './handler.js';
import type { KeySource } from './message.js';
import { QueueNumbers } from './queue-numbers.js';
import type { Way } from './way.js';

/** Where an event stands: the producer counted it inside its own commit (R29). */
export interface ProducerVersion {
  /** Who numbers the events, such as the outbox. Each source of an aggregate has a count of its own. */
  readonly source: string;
  /** Incarnation of the count: raised when the producer starts anew, such as after a restore (R2). @default - '0' */
  readonly epoch?: string;
  /** Decimal digits, contiguous from 1 within the aggregate. Text: a number would round above 2^53 (R3). */
  readonly version: string;
}

export interface SqsAggregateConsumerOptions<
  Schema extends StandardSchemaV1,
  State extends Row,
> extends ConsumerOptions<Schema> {
  /** Table of the aggregates. No TTL, and items are never deleted: empty them instead (R14). */
  readonly table: Table;
  /** Key of the aggregate that a message changes. */
  readonly aggregate: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => Row;
  /**
   * Where the message stands among those of its producer for this aggregate: by the producer's own count, which recognises every copy
   * for ever; or `'sequence-number'`, by the number that a FIFO queue gives it.
   *
   * The queue's number recognises a message that the queue delivers again, and a dead letter that is redriven with its attributes. It
   * takes for a new message: what a producer sends again after 5 minutes, and a dead letter that is sent again without its
   * attributes. It needs `queueUrl` and `onFailure: 'skip'` in the settings, and a group per aggregate.
   */
  readonly version:
    ((source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => ProducerVersion) | 'sequence-number';
  /**
   * The next state. Pure and synchronous: it runs again whenever a race is lost, and all that it sees is frozen. `state` is undefined
   * for an aggregate that has none yet. A throw means "try again"; {@link RejectMessage} means "never".
   */
  readonly reduce: (
    state: State | undefined,
    source: KeySource<StandardSchemaV1.InferOutput<Schema>>,
  ) => State;
  /**
   * Where a count starts that an aggregate has not met. `'1'`: with the producer's first event. Another number: with that event,
   * everything before it counts as done. `'now'`: with the first event to arrive; use it only where order is kept on the way (FIFO),
   * because an earlier one that arrives later counts as done.
   *
   * @default '1'
   */
  readonly startAt?: string;
}

type Place = Pick<Prepared, 'address' | 'stream' | 'version' | 'hasGaps'>;

/** One message, with the aggregate that it belongs to. */
interface Prepared extends AggregateEvent {
  readonly address: ItemAddress;
  /** What the reducer is given. */
  readonly source: KeySource<unknown>;
}

/**
 * A Lambda handler whose messages are folded into one item each, exactly once and in the producer's order, for ever: the position
 * is an attribute of that item. All messages of a batch that belong to one item cost one write together and, while this instance
 * saw the item last, no read. A message that comes before its predecessors is parked inside the item, so order holds on Standard
 * queues too.
 *
 * Guarantees and limits: see {@link AggregateStore}.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function sqsAggregateConsumer<Schema extends StandardSchemaV1, State extends Row>(
  options: SqsAggregateConsumerOptions<Schema, State>,
): SqsConsumer {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  const { table, aggregate, version, settings, startAt = '1' } = options;
  const schema = synchronous(options.schema);
  if (startAt !== 'now' && !/^[1-9][0-9]{0,39}$/.test(startAt))
    throw new InvalidSettings([`startAt must be 'now' or a version from 1, got '${startAt}'`]);
  const start = (event: AggregateEvent) => (startAt === 'now' ? event.version : BigInt(startAt)) - 1n;
  const numbers = version === 'sequence-number' ? new QueueNumbers(settings) : undefined;
  const find = (source: KeySource<Body>, record: SQSRecord): Place => {
    const address = addressOf(table, aggregate(source));
    if (typeof version !== 'function') return { address, ...numbers?.place(record, address.id) } as Place;
    const { source: producer, epoch = '0', version: text } = version(source);
    return { address, stream: JSON.stringify([producer, epoch]), version: BigInt(sequence(text)) };
  };
  const places = new WeakMap<SQSRecord, Place>();
  const place = (source: KeySource<Body>, record: SQSRecord): Place => {
    const found = places.get(record) ?? find(source, record);
    places.set(record, found);
    return found;
  };
  const reduce = (state: Row | undefined, event: Prepared | Parked) =>
    options.reduce(
      state as State | undefined,
      deepFreeze('source' in event ? (event.source as KeySource<Body>) : unpack(event.carried, schema)),
    );

  return handlerOf<Schema, Prepared>(
    { ...options, schema },
    (source, record) => {
      const { address, stream, version } = place(source, record);
      const id = JSON.stringify([address.id, stream, version.toString()]);
      return { id, key: id };
    },
    (client): Way<Body, Prepared> => {
      const store = new AggregateStore({ client, table, reduce, start, wentOn: wentOn(client, settings) });
      const prepare = ({ message, json, fingerprint, record }: Recognised<Body>, lane: string) => {
        const { body, attributes, group } = message;
        return {
          ...place(message, record),
          fingerprint,
          lane,
          source: { body, attributes, group },
          get carried() {
            return exactJsonText({ body: json, attributes, group });
          },
        };
      };
      return {
        prepare,
        ...(numbers && { ready: (sqs) => numbers.ready(sqs) }),
        positions: {
          of: ({ message, record }) => {
            const { address, stream, version } = place(message, record);
            return { stream: streamOf(address, stream), sequence: version.toString() };
          },
          restore,
          async passOver(recognised, how, limits, version) {
            const own = prepare(recognised, '');
            const event = { ...own, version: version ?? own.version, passOver: how };
            const outcome = (await store.commit(own.address, [event], limits)).get(event);
            if (outcome?.kind === 'failed' && outcome.error instanceof ParkedFailed)
              return { stands: false, stuck: outcome.error };
            if (outcome?.kind === 'failed' || outcome?.kind === 'rejected') throw outcome.error;
            return { stands: outcome?.kind === 'parked' };
          },
        },
        async commit(events, limits) {
          const byAggregate = Map.groupBy(events, ({ address }) => address.id);
          const outcomes = new Map<Prepared, EventOutcome>();
          await Promise.all(
            [...byAggregate.values()].map(async (ofOne) => {
              const [first] = ofOne;
              if (first === undefined) return;
              for (const [event, outcome] of await store.commit(first.address, ofOne, limits))
                outcomes.set(event, outcome);
            }),
          );
          return outcomes;
        },
      };
    },
  );
}

/** What was parked, read again as it was when it came. */
function unpack<Schema extends StandardSchemaV1>(
  carried: string,
  schema: Schema,
): KeySource<StandardSchemaV1.InferOutput<Schema>> {
  const { body, ...rest } = parseJson(carried, maxDepth + 1) as KeySource<unknown>;
  const result = schema['~standard'].validate(body) as StandardSchemaV1.Result<
    StandardSchemaV1.InferOutput<Schema>
  >;
  if (result.issues) throw new RejectMessage('a parked event does not fit the schema any more');
  return { ...rest, body: result.value };
}

/** Pure functions cannot wait for a schema: what was parked is read in the middle of one. */
function synchronous<Schema extends StandardSchemaV1>(schema: Schema): Schema {
  const standard: StandardSchemaV1.Props = {
    ...schema['~standard'],
    validate(value) {
      const result = schema['~standard'].validate(value);
      if (result instanceof Promise)
        throw new RejectMessage(
          'the schema of an aggregate must validate synchronously, because its reducer is pure',
        );
      return result;
    },
  };
  return { '~standard': standard } as Schema;
}
