import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { kafkaClientFolder } from '../../targets/kafka/index.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { World } from '../kafka/processor/world.js';
import { Reader } from './kafka-reader.js';
import type { SourceOrder } from './kafka-source-process.js';
import { s3 } from './lake.js';

export interface KafkaWorld {
  /** Of the emulator that the sinks write to. */
  readonly client: S3Client;
  /** A broker whose topics may be forbidden. */
  readonly kafka: World;
  /** A sink of a topic, in a process of its own. */
  started(order: Omit<SourceOrder, 'servers' | 'client' | 's3'>): Reader;
}

/** A real Kafka for the tests around the call, and sinks that read it. It is there when the first test runs. */
export function kafkaWorld(): KafkaWorld {
  const client = s3();
  let kafka: World | undefined;
  let program: OwnProcess | undefined;
  const opened = <T>(one: T | undefined): T => {
    if (one === undefined) throw new Error('the world of Kafka is not open: it is used outside of a test');
    return one;
  };
  beforeAll(async () => {
    kafka = await World.open(1, { isGuarded: true });
    program = await OwnProcess.of(join(__dirname, 'kafka-source-process.ts'));
  }, 120_000);
  afterAll(async () => {
    client.destroy();
    await kafka?.close();
    await program?.remove();
  });
  return {
    client,
    get kafka() {
      return opened(kafka);
    },
    started: (order) =>
      new Reader(opened(program).path, {
        servers: opened(kafka).broker.servers,
        client: kafkaClientFolder(),
        s3: embedded().client,
        ...order,
      }),
  };
}
