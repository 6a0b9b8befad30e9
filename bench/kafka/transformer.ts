import { createRequire } from 'node:module';
import { join } from 'node:path';
import { kafkaProcessor, type ClientModule } from '../../runtime/kafka/processor/index.js';
import { fill } from './fill.js';
import { plainTransformer } from './plain-transformer.js';
import type { FillOrder, PlainClient, TransformOrder } from './transform-order.js';

/**
 * A process that copies every record of a topic to another one, with transactions or without, and prints how many it
 * has written after each commit. The client is native code, so that it runs in no process that measures.
 */
const order = JSON.parse(process.argv[2] ?? '') as TransformOrder | FillOrder;
const client: unknown = createRequire(join(order.client, 'package.json'))('@confluentinc/kafka-javascript');

function say(line: object): void {
  process.stdout.write(`${JSON.stringify({ time: performance.now(), ...line })}\n`);
}

void run();

async function run(): Promise<void> {
  if (order.mode === 'fill') {
    await fill(client, order);
    process.exit(0);
  }
  if (order.mode === 'plain') return plainTransformer(client as PlainClient, order, say);
  const { group, input, output, servers, commitIntervalMs, maxBatch } = order;
  await kafkaProcessor({
    consumerName: group,
    topics: [input],
    kafka: { 'bootstrap.servers': servers },
    slot: 0,
    start: 'earliest',
    commitIntervalMs,
    maxBatch,
    client: () => client as ClientModule,
    handle: ({ key, value }, tx) => tx.send(output, { key, value }),
    observe: (event) => {
      if (event.kind === 'committed') say({ messages: event.messages });
    },
  }).run();
}
