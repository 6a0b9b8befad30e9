import { unlessMissing } from '../../dedup/package-missing.js';
import {
  called,
  closed,
  type ClientAdmin,
  type ClientConsumer,
  type ClientError,
  type ClientModule,
  type ClientSettings,
  type PartitionOffset,
  type TopicPartition as NamedPartition,
} from '../../kafka/processor/client-port.js';

/** What a sink's log needs beyond what a processor uses: partitions are its own choice, one by one. */
export interface AssigningConsumer extends ClientConsumer {
  incrementalAssign(partitions: readonly PartitionOffset[]): unknown;
  incrementalUnassign(partitions: readonly NamedPartition[]): unknown;
  /** With `enable.partition.eof`: everything before that offset was handed over, ends of transactions too. */
  on(event: 'partition.eof', listener: (end: PartitionOffset) => void): unknown;
  on(event: 'event.error', listener: (error: ClientError) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

export interface LogClients {
  readonly consumer: AssigningConsumer;
  readonly admin: ClientAdmin;
  close(): Promise<void>;
}

const packageName = '@confluentinc/kafka-javascript';
const connectMs = 30_000;

/** @throws PackageMissing when it is not installed */
export async function loadClient(): Promise<ClientModule> {
  // The name is not a literal, so that neither types nor bundlers ask for it.
  const name: string = packageName;
  const module = (await import(name).catch(unlessMissing(packageName, 'a sink that reads Kafka'))) as
    ClientModule | { readonly default: ClientModule };
  return 'default' in module ? module.default : module;
}

/**
 * No group is joined: which partitions are read and from where is the sink's to say (R40), so the group's offsets
 * are never read, and a missing offset is an error, never a silent jump.
 */
function consumerSettings(kafka: ClientSettings, groupId: string): ClientSettings {
  return {
    // For each partition; what is fetched ahead is bounded beside the batch.
    'queued.max.messages.kbytes': 4_096,
    'fetch.wait.max.ms': 100,
    ...kafka,
    'group.id': groupId,
    'isolation.level': 'read_committed',
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'enable.partition.eof': true,
  };
}

export async function connected(
  { KafkaConsumer, Producer, AdminClient }: ClientModule,
  kafka: ClientSettings,
  groupId: string,
): Promise<LogClients> {
  const consumer = new KafkaConsumer(consumerSettings(kafka, groupId), {
    'auto.offset.reset': 'error',
  }) as AssigningConsumer;
  // The client makes an administrator of a producer. It sends nothing.
  const producer = new Producer({ ...kafka }, {});
  const clients = [producer, consumer];
  const disconnect = async () => {
    for (const client of clients) await closed(client);
  };
  try {
    for (const client of clients) {
      // Without listeners these end the process. What fails is asked again, and says so itself.
      client.on('error', () => undefined);
      client.on('event.error', () => undefined);
      await called((done) => client.connect({ timeout: connectMs }, done));
    }
  } catch (error) {
    // The next attempt makes new ones; these would go on asking for ever.
    await disconnect();
    throw error;
  }
  consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
  const admin = AdminClient.createFrom(producer);
  const close = async () => {
    admin.disconnect();
    await disconnect();
  };
  return { consumer, admin, close };
}
