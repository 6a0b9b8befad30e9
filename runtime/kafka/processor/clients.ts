import {
  called,
  closed,
  type ClientAdmin,
  type ClientConsumer,
  type ClientModule,
  type ClientProducer,
} from './client-port.js';
import { consumerSettings, consumerTopicSettings, producerSettings } from './client-settings.js';
import { KafkaFailed } from './errors.js';
import type { ProcessorSettings } from './options.js';

/** What a processor has from its start to its end. Its producer is another one after each aborted transaction. */
export interface Clients {
  readonly consumer: ClientConsumer;
  /** Sends nothing: the cluster is asked over its connections. */
  readonly asker: ClientProducer;
  readonly admin: ClientAdmin;
}

const connectMs = 30_000;

/** @throws KafkaFailed when no broker answers within 30 s */
export async function connectClients(
  { KafkaConsumer, Producer, AdminClient }: ClientModule,
  settings: ProcessorSettings,
  onRebalance: unknown,
): Promise<Clients> {
  const asker = await connected(new Producer(settings.kafka, {}));
  // What the client tells of its connections is held until it is fetched.
  asker.setPollInterval(1_000);
  try {
    const consumer = await connected(
      new KafkaConsumer(consumerSettings(settings, onRebalance), consumerTopicSettings),
    );
    consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
    // Not from the consumer: on its connections a question waits behind a fetch, for up to half a second.
    return { consumer, asker, admin: AdminClient.createFrom(asker) };
  } catch (error) {
    // It would keep its process from ending.
    await closed(asker);
    throw error;
  }
}

/** @throws KafkaFailed when no broker answers within 30 s */
export async function connectProducer(
  { Producer }: ClientModule,
  settings: ProcessorSettings,
  transactionalId: string,
): Promise<ClientProducer> {
  const producer = await connected(new Producer(producerSettings(settings, transactionalId), {}));
  producer.setPollInterval(100);
  return producer;
}

/** Leaves the group and closes the connections. Never throws, and takes 10 s at most per client. */
export async function closeClients({ consumer, asker, admin }: Clients): Promise<void> {
  admin.disconnect();
  for (const client of [consumer, asker]) await closed(client);
}

async function connected<T extends ClientConsumer | ClientProducer>(client: T): Promise<T> {
  // A failed token comes as 'error', which ends a process when nobody listens.
  client.on('error', () => undefined);
  await called((done) => client.connect({ timeout: connectMs }, done)).catch((cause: unknown) => {
    throw new KafkaFailed('connect', { cause });
  });
  return client;
}
