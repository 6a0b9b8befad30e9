import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Recognised } from '../consumer/arrival.js';
import { groupStreamOf } from '../consumer/give-up.js';
import type { KeySource } from '../consumer/message.js';
import type { Delivery } from '../consumer/transport.js';
import { InvalidSettings, RejectMessage } from '../dedup/errors.js';
import { exactJsonText, parseJson } from '../dedup/exact-json.js';
import type { Limits } from '../dedup/limits.js';
import { letGo } from '../dedup/let-go.js';
import { withOwnBody } from '../dedup/own-copy.js';
import { maxDepth } from '../dedup/plain-json.js';
import { sequence } from '../dedup/sequence.js';
import { versionOf } from '../dedup/stream-positions.js';
import { postgresAggregateWay, type PostgresPlace } from '../postgres/aggregate-way.js';
import type { Isolation } from '../postgres/begin.js';
import type { PostgresTx } from '../postgres/transaction.js';
import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';
import type { ProducerVersion } from './aggregate-consumer.js';
import type { SqsDelivery } from './delivery.js';
import type { SqsConsumer } from './handler.js';
import { postgresHandlerOf, type PostgresConsumerParts } from './postgres-handler.js';
import { QueueNumbers } from './queue-numbers.js';

export interface PostgresAggregateConsumerOptions<
  Schema extends StandardSchemaV1,
> extends PostgresConsumerParts<Schema> {
  /** Name of the aggregate that a message is about, such as the key of its row. */
  readonly aggregate: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => string;
  /**
   * Where the message stands among those of its producer for this aggregate: by the producer's own count, or
   * `'sequence-number'`, by the number that a FIFO queue gives it. What each recognises: see `sqsAggregateConsumer`.
   */
  readonly version:
    ((source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => ProducerVersion) | 'sequence-number';
  /**
   * Writes through `tx`, in a transaction that moves the position of the aggregate. Nobody else acts on the aggregate
   * meanwhile. May run more than once for one message, so it must have no effect outside `tx`; `tx.once` throws. What
   * it returns is not kept. A throw undoes what this message wrote and means "try again"; {@link RejectMessage} means
   * "never".
   */
  readonly handle: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>, tx: PostgresTx) => unknown;
  /**
   * Where a count starts that an aggregate has not met, for each aggregate and epoch: at the producer's first event,
   * at the first to arrive, or at the version that a function makes of that one (R54).
   *
   * @default '1'
   */
  readonly startAt?: '1' | 'now' | ((source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => string);
  /** Seconds for which an event may wait for its predecessors before the gap is listed. @default 900 */
  readonly gapTimeoutSeconds?: number;
  /**
   * What the transactions of handlers see of others. With the default, rows that others write as well have to be read
   * `FOR UPDATE`; what is written under the aggregate's lock alone needs nothing.
   *
   * @default 'read committed'
   */
  readonly isolation?: Isolation;
}

/**
 * A Lambda handler whose messages act exactly once and in the producer's order, for ever: what `handle` writes is
 * committed with the position of its stream, or neither. All messages of a batch that belong to one aggregate share
 * one transaction. A message that comes before its predecessors is kept in a row, so order holds on Standard queues
 * too, and a gap holds up no FIFO group.
 *
 * Guarantees and limits: see `PostgresAggregateStore` in runtime/postgres. Not given: receipts by key, results, and
 * effects outside the database.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function postgresAggregateConsumer<Schema extends StandardSchemaV1>(
  options: PostgresAggregateConsumerOptions<Schema>,
): SqsConsumer {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  const { settings, schema, startAt = '1' } = options;
  if (typeof startAt !== 'function' && !(['1', 'now'] as string[]).includes(startAt))
    throw new InvalidSettings([
      `startAt must be '1', 'now' or a function of the first event, got '${startAt}': one number for all aggregates and epochs ` +
        'would lose the first events of each new one',
    ]);
  let { sqs } = options;
  const numbers =
    options.version === 'sequence-number'
      ? new QueueNumbers(settings, async () => {
          const { SQSClient } = await import('./client.js');
          return (sqs ??= new SQSClient({ useQueueUrlAsEndpoint: false }));
        })
      : undefined;
  const places = new WeakMap<Delivery, PostgresPlace>();
  const place = (source: KeySource<Body>, delivery: Delivery): PostgresPlace => {
    let found = places.get(delivery);
    if (found === undefined) places.set(delivery, (found = placeOf(options, source, delivery, numbers)));
    return found;
  };
  const handler = postgresHandlerOf(
    options,
    (source, delivery) => {
      const { address, stream, version } = place(source, delivery);
      const id = JSON.stringify([address, stream, version.toString()]);
      return { id, key: id };
    },
    postgresAggregateWay<Recognised<Body>, KeySource<Body>>({
      pool: options.pool,
      consumerName: settings.consumerName,
      place: ({ message, delivery }) => place(message, delivery),
      source: ({ message: { body, attributes, group } }) => ({ body, attributes, group }),
      carry: ({ json, message: { attributes, group } }) => exactJsonText({ body: json, attributes, group }),
      restore: async (carried) => unpack(carried, schema),
      handle: (source, tx) => options.handle(withOwnBody(source), tx),
      startAt,
      hasGaps: numbers !== undefined,
      isolation: options.isolation,
      gapSeconds: options.gapTimeoutSeconds,
      wentOn: async (stream, limits) => wentOn(options, stream, limits),
    }),
  );
  if (numbers === undefined) return handler;
  return async (event, context) => {
    await numbers.ready(event.Records);
    return handler(event, context);
  };
}

/** Where a message stands. It is asked for with the body as it was sent, too, when the schema refuses that (R53). */
function placeOf<Schema extends StandardSchemaV1>(
  options: PostgresAggregateConsumerOptions<Schema>,
  source: KeySource<StandardSchemaV1.InferOutput<Schema>>,
  delivery: Delivery,
  numbers: QueueNumbers | undefined,
): PostgresPlace {
  const aggregate = letGo(options.aggregate(source));
  if (typeof aggregate !== 'string' || aggregate === '' || aggregate.includes('\0'))
    throw new RejectMessage('aggregate must name the aggregate as a text that is not empty and has no NUL');
  if (numbers !== undefined)
    return { address: aggregate, ...numbers.place((delivery as SqsDelivery).record, aggregate) };
  if (typeof options.version !== 'function') throw new InvalidSettings(['version is no function']);
  const { source: producer, epoch = '0', kind, version, previous } = letGo(options.version(source));
  return {
    address: aggregate,
    stream: JSON.stringify(kind === undefined ? [producer, epoch] : [producer, epoch, kind]),
    version: versionOf(version, options.startAt ?? '1'),
    ...(previous !== undefined && { previous: BigInt(sequence(previous)) }),
  };
}

/** What was parked, read again as it was when it came. */
async function unpack<Schema extends StandardSchemaV1>(
  carried: string,
  schema: Schema,
): Promise<KeySource<StandardSchemaV1.InferOutput<Schema>>> {
  const { body, ...rest } = parseJson(carried, maxDepth + 1) as KeySource<unknown>;
  const result = (await schema['~standard'].validate(body)) as StandardSchemaV1.Result<
    StandardSchemaV1.InferOutput<Schema>
  >;
  if (result.issues) throw new RejectMessage('a parked event does not fit the schema any more');
  return { ...rest, body: result.value };
}

/** Takes a stream off the list of those that stand still. Where that fails, a resume of it finds nothing to do. */
async function wentOn(
  {
    pool,
    settings: { consumerName },
  }: Pick<PostgresAggregateConsumerOptions<StandardSchemaV1>, 'pool' | 'settings'>,
  stream: string,
  limits: Limits,
): Promise<void> {
  try {
    const { PostgresGroupStore } = await import('../postgres/group-store.js');
    const groups = new PostgresGroupStore(pool, consumerName);
    const row = await groups.read(groupStreamOf(stream), limits);
    if (row?.state === 'stopped') await groups.open(row, limits);
  } catch (error) {
    logLine({ exactlyOnce: 'still listed as stopped', consumer: consumerName, ...errorLine(error) });
  }
}
