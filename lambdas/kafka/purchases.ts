import { createRequire } from 'node:module';
import { join } from 'node:path';
import { kafkaProcessor, type ClientModule } from '../../runtime/kafka/processor/index.js';
import { required } from '../environment.js';

const clientFolder = required('KAFKA_CLIENT_FOLDER');

/** A process, not a function: makes a debit and a credit of every purchase, both or neither. */
const purchases = kafkaProcessor({
  consumerName: 'purchases',
  topics: ['purchases'],
  kafka: { 'bootstrap.servers': required('KAFKA_SERVERS') },
  slot: Number(required('KAFKA_SLOT')),
  start: 'earliest',
  commitIntervalMs: 50,
  // So that what a killed process leaves is taken over within the run's patience.
  sessionTimeoutMs: 2_000,
  client: () =>
    createRequire(join(clientFolder, 'package.json'))('@confluentinc/kafka-javascript') as ClientModule,
  handle: ({ key, value }, tx) => {
    for (const topic of ['debits', 'credits']) tx.send(topic, { key, value });
  },
  observe: ({ kind }) => process.stdout.write(`${kind}\n`),
});

process.once('SIGTERM', () => purchases.stop());
purchases.run().then(
  () => process.exit(0),
  (error: unknown) => {
    // Not the error itself: that of a poison record has the handler's as its cause, which may quote the record.
    console.error(error instanceof Error ? error.stack : error);
    process.exit(1);
  },
);
