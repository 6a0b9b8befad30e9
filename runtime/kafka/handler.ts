import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Context } from 'aws-lambda';
import type { Recognised } from '../consumer/arrival.js';
import { Engine } from '../consumer/batch.js';
import type { KeySource } from '../consumer/message.js';
import type { FailureStore } from '../dedup/failure-store.js';
import { receiptId } from '../dedup/identity.js';
import { Meter } from '../dedup/meter.js';
import type { Prepared, Way } from '../dedup/way.js';
import type { SqsTransportOptions } from '../sqs/transport-options.js';
import { logSummary } from '../telemetry/batch-summary.js';
import type { DeliveryCount } from './delivery-count.js';
import type { KafkaDelivery } from './delivery.js';
import { recordsOf, type HandedOut, type KafkaEvent } from './event.js';
import type { ByKey, ByPosition, RecordOptions } from './options.js';
import { byPosition, identifyByPosition } from './position.js';
import { queueClient } from './queue-client.js';
import { responseOf, type KafkaBatchResponse } from './response.js';
import type { PostgresKafkaSettings } from './settings.js';
import { kafkaTransport } from './transport.js';

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** A Lambda handler for an MSK or self-managed Kafka event source. */
export type KafkaConsumer = (
  event: KafkaEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<KafkaBatchResponse>;

type HandlerOptions<Schema extends StandardSchemaV1> = RecordOptions<Schema> &
  (ByKey<Schema> | ByPosition) & { readonly settings: PostgresKafkaSettings };

/** What is told apart by the store that records act on. */
export interface RecordStore<Body, Unit extends Prepared> extends Pick<SqsTransportOptions, 'storeBody'> {
  readonly way: Way<Recognised<Body>, Unit>;
  readonly deliveries: DeliveryCount;
  readonly failureStore: () => Promise<FailureStore>;
}

/** Of the time that is left, what counting deliveries may take. */
const countingPart = 0.25;

/** Counts the deliveries of a batch, runs it, and says what comes again. */
export function recordHandler<Schema extends StandardSchemaV1, Unit extends Prepared>(
  options: HandlerOptions<Schema>,
  { way, deliveries, failureStore, storeBody }: RecordStore<BodyOf<Schema>, Unit>,
): KafkaConsumer {
  const { settings, schema, decode, observe = logSummary } = options;
  const { consumerName, deadLetterQueueUrl, reportsItemFailures = false } = settings;
  const engine = new Engine<HandedOut, Schema, KafkaDelivery, Unit>({
    settings,
    schema,
    ...(decode !== undefined && { decodersOf: () => [decode].flat() }),
    ...(options.key === 'position'
      ? { identify: identifyByPosition(options.topicIds, consumerName), way: byPosition(way) }
      : { identify: identifyByKey(options.key, consumerName), fingerprint: options.fingerprint, way }),
    observe,
    transport: kafkaTransport({
      order: options.order ?? 'partition',
      value: options.value ?? 'text',
      deadLetters: { client: queueClient(options.sqs), deadLetterQueueUrl, storeBody },
    }),
    failureStore,
  });
  return async (event, context) => {
    const remainingMs = () => context.getRemainingTimeInMillis();
    const limits = () => ({ deadline: Date.now() + remainingMs() * countingPart, meter: new Meter() });
    const records = await deliveries.count(recordsOf(event), limits());
    const back = await engine.run(records, remainingMs);
    if (back.length > 0)
      await deliveries.settled(
        records.filter((one) => !back.includes(one)),
        limits(),
      );
    return responseOf(back, records.length, reportsItemFailures);
  };
}

/** The identity of a record by what its producer wrote. */
function identifyByKey<Body>(keyOf: (source: KeySource<Body>) => string, consumerName: string) {
  return (source: KeySource<Body>) => {
    const key = keyOf(source);
    return { key, id: receiptId(consumerName, key) };
  };
}
