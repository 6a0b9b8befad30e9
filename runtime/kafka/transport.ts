import type { Transport } from '../consumer/transport.js';
import type { SqsTransportOptions } from '../sqs/transport-options.js';
import { deliveryOf, type KafkaDelivery, type ReadOptions } from './delivery.js';
import type { HandedOut } from './event.js';

export interface KafkaTransportOptions extends ReadOptions {
  /** The dead-letter queue: Kafka has none, and Lambda's on-failure destination takes whole batches. */
  readonly deadLetters: SqsTransportOptions;
}

/** Kafka as a transport: records of Lambda's event source, dead letters in a queue. */
export function kafkaTransport({
  deadLetters,
  ...how
}: KafkaTransportOptions): Transport<HandedOut, KafkaDelivery> {
  return {
    read: (handedOut) => deliveryOf(handedOut, how),
    // Loaded on the first failure.
    async deadLetter(delivery, letter, limits) {
      const { sendDeadLetter, asQueueRecord } = await import('./trouble.js');
      const record = asQueueRecord(delivery, deadLetters.storeBody !== undefined);
      await sendDeadLetter(deadLetters, record, letter, limits);
    },
    // Nothing can be put into a log that has a group resumed.
    stopsGroups: false,
    // Nobody can hide a record of a log: the mapping has it come again, with a backoff of its own.
    defer: () => Promise.resolve(),
    pack: ({ handedOut }) => JSON.stringify(handedOut),
    unpack: (text) => deliveryOf(JSON.parse(text) as HandedOut, how),
    restore: () => Promise.reject(new TypeError('no record of Kafka is parked in an aggregate')),
  };
}
