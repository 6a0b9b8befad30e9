import {
  called,
  type ClientAdmin,
  type ClientConsumer,
  type ClientModule,
  type ClientProducer,
} from './client-port.js';
import { consumerSettings, consumerTopicSettings, producerSettings } from './client-settings.js';
import { KafkaFailed } from './errors.js';
import type { ProcessorSettings } from './options.js';

export interface Clients {
  readonly consumer: ClientConsumer;
  readonly producer: ClientProducer;
  readonly admin: ClientAdmin;
}

const connectMs = 30_000;
/** A client that cannot say goodbye does not keep its process from ending. */
const closeMs = 10_000;

/** @throws KafkaFailed when no broker answers within 30 s */
export async function connectClients(
  { KafkaConsumer, Producer, AdminClient }: ClientModule,
  settings: ProcessorSettings,
  transactionalId: string,
  onRebalance: unknown,
): Promise<Clients> {
  const producer = new Producer(producerSettings(settings, transactionalId), {});
  const consumer = new KafkaConsumer(consumerSettings(settings, onRebalance), consumerTopicSettings);
  for (const client of [producer, consumer]) {
    // A failed token comes as 'error', which ends a process when nobody listens.
    client.on('error', () => undefined);
    await called((done) => client.connect({ timeout: connectMs }, done)).catch((cause: unknown) => {
      throw new KafkaFailed('connect', { cause });
    });
  }
  producer.setPollInterval(100);
  consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
  // Not from the consumer: on its connections a question waits behind a fetch, for up to half a second.
  return { producer, consumer, admin: AdminClient.createFrom(producer) };
}

/** Leaves the group and closes the connections. Never throws, and takes 10 s at most per client. */
export async function closeClients({ consumer, producer, admin }: Clients): Promise<void> {
  admin.disconnect();
  for (const client of [consumer, producer])
    await Promise.race([
      called((done) => client.disconnect(done)).catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, closeMs).unref()),
    ]);
}
