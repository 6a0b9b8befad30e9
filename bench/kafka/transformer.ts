import { createRequire } from 'node:module';
import { join } from 'node:path';
import { kafkaProcessor, type ClientModule } from '../../runtime/kafka/processor/index.js';
import { plainTransformer } from './plain-transformer.js';
import type { PlainClient, TransformOrder } from './transform-order.js';

/**
 * A process that copies every record of a topic to another one, with transactions or without, and prints how many it
 * has written after each commit.
 */
const order = JSON.parse(process.argv[2] ?? '') as TransformOrder;
const client: unknown = createRequire(join(order.client, 'package.json'))('@confluentinc/kafka-javascript');

function say(line: object): void {
  process.stdout.write(`${JSON.stringify({ time: performance.now(), ...line })}\n`);
}

if (order.mode === 'plain') void plainTransformer(client as PlainClient, order, say);
else
  void kafkaProcessor({
    consumerName: order.group,
    topics: [order.input],
    kafka: { 'bootstrap.servers': order.servers },
    slot: 0,
    start: 'earliest',
    commitIntervalMs: order.commitIntervalMs,
    maxBatch: order.maxBatch,
    client: () => client as ClientModule,
    handle: ({ key, value }, tx) => tx.send(order.output, { key, value }),
    observe: (event) => {
      if (event.kind === 'committed') say({ messages: event.messages });
      if (event.kind === 'aborted') say({ aborted: String(event.error) });
    },
  }).run();
