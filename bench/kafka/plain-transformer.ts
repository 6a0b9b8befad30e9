import { setTimeout as sleep } from 'node:timers/promises';
import type { PlainClient, TransformOrder } from './transform-order.js';

const queueFull = -184;

/**
 * The loop that people write without transactions: read, write, wait until it is written, commit the offsets. A crash
 * between the two doubles records.
 */
export async function plainTransformer(
  { KafkaConsumer, Producer }: PlainClient,
  order: TransformOrder,
  say: (line: object) => void,
): Promise<void> {
  const common = { 'bootstrap.servers': order.servers };
  const producer = new Producer(
    { ...common, 'enable.idempotence': true, 'linger.ms': 5, partitioner: 'murmur2_random' },
    {},
  );
  const consumer = new KafkaConsumer(
    { ...common, 'group.id': order.group, 'enable.auto.commit': false },
    { 'auto.offset.reset': 'earliest' },
  );
  for (const client of [producer, consumer]) await called((done) => client.connect({}, done));
  producer.setPollInterval(100);
  consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
  consumer.subscribe([order.input]);
  for (;;) {
    const until = performance.now() + order.commitIntervalMs;
    const offsets = new Map<number, number>();
    let messages = 0;
    for (
      let left = order.commitIntervalMs;
      left > 0 && messages < order.maxBatch;
      left = until - performance.now()
    ) {
      consumer.setDefaultConsumeTimeout(Math.max(1, Math.ceil(left)));
      const most = Math.min(1_000, order.maxBatch - messages);
      for (const { partition, offset, key = null, value } of await called<PlainMessages>((done) =>
        consumer.consume(most, done),
      )) {
        for (let sent = false; !sent;)
          try {
            producer.produce(order.output, null, value, key);
            sent = true;
          } catch (error) {
            if ((error as { code?: number }).code !== queueFull) throw error;
            await sleep(5);
          }
        offsets.set(partition, offset + 1);
        messages += 1;
      }
    }
    if (messages === 0) continue;
    await called((done) => producer.flush(10_000, done));
    const committed = [...offsets].map(([partition, offset]) => ({ topic: order.input, partition, offset }));
    await called((done) => consumer.commitCb(committed, done));
    say({ messages });
  }
}

type PlainMessages = Parameters<Parameters<InstanceType<PlainClient['KafkaConsumer']>['consume']>[1]>[1];

function called<T>(call: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}
