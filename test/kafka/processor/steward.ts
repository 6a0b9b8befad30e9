import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What the steward uses of the client itself: making topics, filling them, and asking what a group has done. */
interface Client {
  readonly AdminClient: { create(settings: Record<string, unknown>): Admin };
  readonly HighLevelProducer: new (
    settings: Record<string, unknown>,
    topic: Record<string, unknown>,
  ) => Producer;
}
type Done = (error: Error | null) => void;
interface Admin {
  createTopic(
    topic: {
      topic: string;
      num_partitions: number;
      replication_factor: number;
      config: Readonly<Record<string, string>>;
    },
    ms: number,
    done: Done,
  ): void;
  deleteTopic(topic: string, ms: number, done: Done): void;
  deleteRecords(
    upTo: readonly { topic: string; partition: number; offset: number }[],
    options: { timeout: number },
    done: Done,
  ): void;
  createPartitions(topic: string, count: number, ms: number, done: Done): void;
  listConsumerGroupOffsets(
    groups: readonly { groupId: string }[],
    options: { timeout: number },
    done: (error: Error | null, found: { partitions: { topic: string; offset?: number }[] }[]) => void,
  ): void;
}
interface Producer {
  connect(options: object, done: Done): void;
  setPollInterval(ms: number): void;
  produce(
    topic: string,
    partition: null,
    value: Buffer | null,
    key: string,
    at: null,
    headers: readonly Readonly<Record<string, string>>[],
    done: Done,
  ): void;
}

/** What it is told, with the number that its answer has. */
export type Errand = { readonly id: number } & (
  | {
      readonly kind: 'create';
      readonly topic: string;
      readonly partitions: number;
      readonly config: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'delete'; readonly topic: string }
  /** All that are there, with marks of transactions, as retention does it. */
  | { readonly kind: 'delete records'; readonly topic: string; readonly partition: number }
  | { readonly kind: 'add partitions'; readonly topic: string; readonly count: number }
  | {
      readonly kind: 'send';
      readonly topic: string;
      /** Null: a tombstone. */
      readonly values: readonly (string | null)[];
      /** Of each value. */
      readonly keys: readonly string[];
      /** Of all of them. */
      readonly headers: readonly (readonly [name: string, value: string])[];
    }
  | { readonly kind: 'done'; readonly group: string; readonly topic: string }
);

export interface Answer {
  readonly id: number;
  readonly value?: number;
  readonly error?: string;
}

/** A process of its own: the client is native code, and a test runner that unloads it may crash. */
const [, , folder = '', servers = ''] = process.argv;
const client = createRequire(join(folder, 'package.json'))('@confluentinc/kafka-javascript') as Client;
const admin = client.AdminClient.create({ 'bootstrap.servers': servers });
const timeoutMs = 20_000;
let producer: Promise<Producer> | undefined;

async function connected(): Promise<Producer> {
  const made = new client.HighLevelProducer(
    {
      'bootstrap.servers': servers,
      'enable.idempotence': true,
      'linger.ms': 20,
      'message.timeout.ms': 120_000,
    },
    {},
  );
  await settled((done) => made.connect({}, done));
  made.setPollInterval(20);
  return made;
}

async function run(errand: Errand): Promise<number | undefined> {
  switch (errand.kind) {
    case 'create': {
      // -1: as many as the cluster says.
      const { topic: name, partitions, config } = errand;
      const topic = { topic: name, num_partitions: partitions, replication_factor: -1, config };
      await settled((done) => admin.createTopic(topic, timeoutMs, done));
      return;
    }
    case 'delete':
      await settled((done) => admin.deleteTopic(errand.topic, timeoutMs, done));
      return;
    case 'delete records': {
      const { topic, partition } = errand;
      const all = [{ topic, partition, offset: -1 }];
      await settled((done) => admin.deleteRecords(all, { timeout: timeoutMs }, done));
      return;
    }
    case 'add partitions':
      await settled((done) => admin.createPartitions(errand.topic, errand.count, timeoutMs, done));
      return;
    case 'send': {
      producer ??= connected();
      const to = await producer;
      const headers = errand.headers.map(([name, value]) => ({ [name]: value }));
      await Promise.all(
        errand.values.map((value, index) => {
          const bytes = value === null ? null : Buffer.from(value);
          const key = errand.keys[index] ?? '';
          return settled((done) => to.produce(errand.topic, null, bytes, key, null, headers, done));
        }),
      );
      return;
    }
    case 'done':
      return done(errand.group, errand.topic);
  }
}

function done(groupId: string, topic: string): Promise<number> {
  return new Promise((resolve) => {
    admin.listConsumerGroupOffsets([{ groupId }], { timeout: timeoutMs }, (error, found) => {
      // The coordinator is still loading, or away.
      if (error) {
        resolve(-1);
        return;
      }
      const own = (found[0]?.partitions ?? []).filter((one) => one.topic === topic);
      resolve(own.reduce((sum, { offset = 0 }) => sum + Math.max(0, offset), 0));
    });
  });
}

function settled(call: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const errand = JSON.parse(line) as Errand;
    const answer = (fields: Omit<Answer, 'id'>) =>
      process.stdout.write(`${JSON.stringify({ id: errand.id, ...fields })}\n`);
    run(errand).then(
      (value) => answer({ value }),
      (error: unknown) => answer({ error: String(error) }),
    );
  })
  // Whoever gave the errands is gone.
  .on('close', () => process.exit(0));
