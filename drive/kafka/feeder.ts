import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { processorName, topics, type FeedOrder, type PurchaseMessage } from './messages.js';

/**
 * A process that makes the topics, writes the purchases that come as lines of standard input, and ends when the
 * processors have committed all of them. The client is native code, so it runs in no process that audits.
 */
type Done<T = unknown> = (error: Error | null | undefined, value: T) => void;

interface Client {
  readonly AdminClient: { create(settings: object): Admin };
  readonly HighLevelProducer: new (settings: object, topicSettings: object) => Producer;
}
interface Admin {
  createTopic(topic: object, ms: number, done: Done): void;
  listConsumerGroupOffsets(
    groups: readonly { groupId: string }[],
    options: object,
    done: Done<{ partitions: { topic: string; offset?: number }[] }[]>,
  ): void;
}
interface Producer {
  connect(options: object, done: Done): void;
  setPollInterval(ms: number): void;
  produce(topic: string, partition: null, value: Buffer, key: string, at: null, done: Done): void;
}

const partitions = 4;
const timeoutMs = 20_000;
/** Records under way at once: fewer than the client's queue holds. */
const window = 200;

async function main({ client, servers }: FeedOrder): Promise<void> {
  const load = createRequire(join(client, 'package.json'));
  const { AdminClient, HighLevelProducer } = load('@confluentinc/kafka-javascript') as Client;
  const common = { 'bootstrap.servers': servers };
  const admin = AdminClient.create(common);
  for (const topic of [topics.input, ...topics.outputs]) {
    const made = { topic, num_partitions: partitions, replication_factor: -1 };
    await called((done) => admin.createTopic(made, timeoutMs, done));
  }
  const producer = new HighLevelProducer({ ...common, 'enable.idempotence': true, 'linger.ms': 20 }, {});
  await called((done) => producer.connect({}, done));
  producer.setPollInterval(20);

  let written = 0;
  let underWay: Promise<unknown>[] = [];
  for await (const line of createInterface({ input: process.stdin })) {
    const { customer } = JSON.parse(line) as PurchaseMessage;
    const value = Buffer.from(line);
    underWay.push(called((done) => producer.produce(topics.input, null, value, customer, null, done)));
    written += 1;
    if (underWay.length < window) continue;
    await Promise.all(underWay);
    underWay = [];
  }
  await Promise.all(underWay);
  while ((await processed(admin)) < written) await sleep(200);
}

/** How many records the processors have committed. */
async function processed(admin: Admin): Promise<number> {
  const groups = [{ groupId: processorName }];
  const found = await called<{ partitions: { topic: string; offset?: number }[] }[]>((done) =>
    admin.listConsumerGroupOffsets(groups, { timeout: timeoutMs }, done),
  ).catch(() => []); // The coordinator is still loading.
  const own = (found[0]?.partitions ?? []).filter(({ topic }) => topic === topics.input);
  return own.reduce((sum, { offset = 0 }) => sum + Math.max(0, offset), 0);
}

function called<T>(call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}

main(JSON.parse(process.argv[2] ?? '') as FeedOrder).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`the purchases could not be written: ${String(error)}\n`);
    process.exit(1);
  },
);
