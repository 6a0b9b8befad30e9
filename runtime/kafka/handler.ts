import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Context } from 'aws-lambda';
import type { Engine } from '../consumer/batch.js';
import type { KeySource } from '../consumer/message.js';
import { receiptId } from '../dedup/identity.js';
import { Meter } from '../dedup/meter.js';
import type { Prepared } from '../dedup/way.js';
import type { DeliveryCount } from './delivery-count.js';
import type { KafkaDelivery } from './delivery.js';
import { recordsOf, type HandedOut, type KafkaEvent } from './event.js';
import { responseOf, type KafkaBatchResponse } from './response.js';
import type { KafkaConsumerSettings } from './settings.js';

/** A Lambda handler for an MSK or self-managed Kafka event source. */
export type KafkaConsumer = (
  event: KafkaEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<KafkaBatchResponse>;

/** Of the time that is left, what counting deliveries may take. */
const countingPart = 0.25;

/** Counts the deliveries of a batch, runs it, and says what comes again. */
export function handlerOf<Schema extends StandardSchemaV1, Unit extends Prepared>(
  engine: Engine<HandedOut, Schema, KafkaDelivery, Unit>,
  deliveries: DeliveryCount,
  { reportsItemFailures = false }: Pick<KafkaConsumerSettings, 'reportsItemFailures'>,
): KafkaConsumer {
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
export function identifyByKey<Body>(keyOf: (source: KeySource<Body>) => string, consumerName: string) {
  return (source: KeySource<Body>) => {
    const key = keyOf(source);
    return { key, id: receiptId(consumerName, key) };
  };
}
