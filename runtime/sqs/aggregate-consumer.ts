import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Recognised } from '../consumer/arrival.js';
import type { KeySource } from '../consumer/message.js';
import type { Delivery } from '../consumer/transport.js';
import { InvalidSettings, RejectMessage } from '../dedup/errors.js';
import { exactJsonText, parseJson } from '../dedup/exact-json.js';
import { letGo } from '../dedup/let-go.js';
import { withOwnBody } from '../dedup/own-copy.js';
import { maxDepth } from '../dedup/plain-json.js';
import { sequence } from '../dedup/sequence.js';
import { versionOf, type StartAt } from '../dedup/stream-positions.js';
import type { AggregatePlace, AggregateUnit } from '../dynamodb/aggregate-way.js';
import { aggregateWay } from '../dynamodb/aggregate-way.js';
import { addressOf, type Row, type Table } from '../dynamodb/table.js';
import { wentOn } from './aggregate-streams.js';
import type { SqsDelivery } from './delivery.js';
import { handlerOf, type ConsumerOptions, type SqsConsumer } from './handler.js';
import { QueueNumbers } from './queue-numbers.js';

/** Where an event stands: the producer counted it inside its own commit (R29). */
export interface ProducerVersion {
  /** Who numbers the events, such as the outbox. Each source of an aggregate has a count of its own. */
  readonly source: string;
  /** Incarnation of the count: raised when the producer starts anew, such as after a restore (R2). @default - '0' */
  readonly epoch?: string;
  /** Where a source has several kinds of aggregates, whose names may be the same (R57). @default - none */
  readonly kind?: string;
  /** Decimal digits, contiguous from 1 within the aggregate. Text: a number would round above 2^53 (R3). */
  readonly version: string;
  /**
   * The version before it among those that the producer sends to this consumer, '0' for none: those between the two
   * are not for it, and are not waited for (R53).
   *
   * @default - `version` - 1
   */
  readonly previous?: string;
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
   * Where the message stands among those of its producer for this aggregate: by the producer's own count, which
   * recognises every copy for ever; or `'sequence-number'`, by the number that a FIFO queue gives it.
   *
   * The queue's number recognises a message that the queue delivers again, and a dead letter that is redriven with
   * its attributes. It takes for a new message: what a producer sends again after 5 minutes, and a dead letter that
   * is sent again without its attributes. It needs `queueUrl` and `onFailure: 'skip'` in the settings, and a group
   * per aggregate.
   */
  readonly version:
    ((source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => ProducerVersion) | 'sequence-number';
  /**
   * The next state. Pure and synchronous: it runs again whenever a race is lost, and all that it sees is frozen, or,
   * of sets and bytes, a copy. `state` is undefined for an aggregate that has none yet. A throw means "try again";
   * {@link RejectMessage} means "never"; {@link ignore}, thrown: the state stays as it is, and the stream goes on.
   */
  readonly reduce: (
    state: State | undefined,
    source: KeySource<StandardSchemaV1.InferOutput<Schema>>,
  ) => State;
  /**
   * Where a count starts that an aggregate has not met, for each aggregate and epoch. One number for all of them
   * would lose the first events of each new aggregate.
   *
   * @default '1'
   */
  readonly startAt?: StartAt<KeySource<StandardSchemaV1.InferOutput<Schema>>>;
  /**
   * Seconds for which an event may wait for its predecessors before the gap is listed (`listGaps`). Only with a dedup
   * table.
   *
   * @default 900
   */
  readonly gapTimeoutSeconds?: number;
}

/**
 * A Lambda handler whose messages are folded into one item each, exactly once and in the producer's order, for ever:
 * the position is an attribute of that item. All messages of a batch that belong to one item cost one write together
 * and, while this instance saw the item last, no read. A message that comes before its predecessors is parked inside
 * the item, or in the dedup table where the item has no room, so order holds on Standard queues too and a gap holds
 * up no FIFO group.
 *
 * Guarantees and limits: see {@link AggregateStore}.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function sqsAggregateConsumer<Schema extends StandardSchemaV1, State extends Row>(
  options: SqsAggregateConsumerOptions<Schema, State>,
): SqsConsumer {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  const { table, version, settings, startAt = '1' } = options;
  const { dedupTable, consumerName } = settings;
  if (typeof startAt !== 'function' && !(['1', 'now'] as string[]).includes(startAt))
    throw new InvalidSettings([
      `startAt must be '1', 'now' or a function of the first event, got '${startAt}': one number for all aggregates and epochs ` +
        'would lose the first events of each new one',
    ]);
  if (settings.spillover && version === 'sequence-number')
    throw new InvalidSettings([
      'version must be a function that returns the producer’s version: a message may come by either queue of the ' +
        'channel, and only one of them has sequence numbers',
    ]);
  const schema = synchronous(options.schema);
  let { sqs } = options;
  const numbers =
    version === 'sequence-number'
      ? new QueueNumbers(settings, async () => {
          const { SQSClient } = await import('./client.js');
          return (sqs ??= new SQSClient({ useQueueUrlAsEndpoint: false }));
        })
      : undefined;
  const find = placeFinder(options, numbers);
  const places = new WeakMap<Delivery, AggregatePlace>();
  const place = (source: KeySource<Body>, delivery: Delivery): AggregatePlace => {
    let found = places.get(delivery);
    if (found === undefined) places.set(delivery, (found = find(source, delivery)));
    return found;
  };
  const handler = handlerOf<Schema, AggregateUnit<KeySource<Body>>>(
    { ...options, schema },
    (source, delivery) => {
      const { address, stream, version } = place(source, delivery);
      const id = JSON.stringify([address.id, stream, version.toString()]);
      return { id, key: id };
    },
    ({ dynamodb: client }) =>
      aggregateWay<Recognised<Body>, KeySource<Body>>({
        client,
        table,
        place: ({ message, delivery }) => place(message, delivery),
        source: ({ message: { body, attributes, group } }) => ({ body, attributes, group }),
        carry: ({ json, message: { attributes, group } }) => exactJsonText({ body: json, attributes, group }),
        restore: (carried) => unpack(carried, schema),
        reduce: (state, source) => options.reduce(state as State | undefined, withOwnBody(source)),
        startAt,
        hasGaps: numbers !== undefined,
        dedup: dedupTable === undefined ? undefined : { tableName: dedupTable, consumerName },
        gapSeconds: options.gapTimeoutSeconds,
        wentOn: wentOn(client, settings),
      }),
  );
  if (numbers === undefined) return handler;
  return async (event, context) => {
    await numbers.ready(event.Records);
    return handler(event, context);
  };
}

/** Where a message stands. It is asked for with the body as it was sent, too, when the schema refuses that (R53). */
function placeFinder<Schema extends StandardSchemaV1, State extends Row>(
  { table, aggregate, version, startAt = '1' }: SqsAggregateConsumerOptions<Schema, State>,
  numbers: QueueNumbers | undefined,
): (source: KeySource<StandardSchemaV1.InferOutput<Schema>>, delivery: Delivery) => AggregatePlace {
  return (source, delivery) => {
    const address = addressOf(table, letGo(aggregate(source)));
    if (numbers !== undefined)
      return { address, ...numbers.place((delivery as SqsDelivery).record, address.id) };
    if (typeof version !== 'function') throw new InvalidSettings(['version is no function']);
    const { source: producer, epoch = '0', kind, version: text, previous } = letGo(version(source));
    return {
      address,
      stream: JSON.stringify(kind === undefined ? [producer, epoch] : [producer, epoch, kind]),
      version: versionOf(text, startAt),
      ...(previous !== undefined && { previous: BigInt(sequence(previous)) }),
    };
  };
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
      const result = letGo(schema['~standard'].validate(value));
      if (result instanceof Promise)
        throw new RejectMessage(
          'the schema of an aggregate must validate synchronously, because its reducer is pure',
        );
      return result;
    },
  };
  return { '~standard': standard } as Schema;
}
