import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  armProcessorCrashPoints,
  kafkaProcessor,
  RejectMessage,
  type ClientModule,
} from '../../../runtime/kafka/processor/index.js';
import type { ClientProducer } from '../../../runtime/kafka/processor/client-port.js';
import type { Elsewhere, WorkOrder } from './order.js';

const order = JSON.parse(process.argv[2] ?? '') as WorkOrder;

function say(line: object): void {
  const text = JSON.stringify({ time: Date.now(), ...line }, (_, value: unknown) =>
    value instanceof Error ? `${value.name}: ${value.message}` : value,
  );
  process.stdout.write(`${text}\n`);
}

let left = order.at?.times ?? 0;
if (order.at !== undefined) {
  const { point: wanted, signal } = order.at;
  armProcessorCrashPoints((point) => {
    if (point !== wanted || (left -= 1) !== 0) return;
    say({ kind: 'at', point, signal });
    process.kill(process.pid, signal);
  });
}

/** Values that begin with these fail: once, always, or for good at once. */
const failedOnce = new Set<string>();

const { client, servers, outputs } = order;

function loadClient(): ClientModule {
  const module = createRequire(join(client, 'package.json'))(
    '@confluentinc/kafka-javascript',
  ) as ClientModule;
  let failures = order.offsetsFail ?? 0;
  class Producer extends module.Producer {
    override sendOffsetsToTransaction(...args: Parameters<ClientProducer['sendOffsetsToTransaction']>): void {
      if ((failures -= 1) < 0) super.sendOffsetsToTransaction(...args);
      else
        args[3](Object.assign(new Error('Local: Timed out'), { code: -185, isRetriable: true }), undefined);
    }
  }
  return order.offsetsFail === undefined ? module : { ...module, Producer };
}

const processor = kafkaProcessor({
  ...order,
  kafka: { 'bootstrap.servers': servers },
  client: loadClient,
  handle: ({ value, key }, tx) => {
    // Of a tombstone the key says what becomes of it.
    const text = String(value ?? key);
    if (text.startsWith('reject')) throw new RejectMessage('this record is planted');
    if (text.startsWith('poison')) throw new Error('this record is planted, too');
    if (text.startsWith('flaky') && !failedOnce.has(text)) {
      failedOnce.add(text);
      // What it has sent before it fails must not be seen.
      tx.send(outputs[0] ?? '', { value: 'sent by a handler that failed' });
      throw new Error('not yet');
    }
    if (text.startsWith('elsewhere ')) {
      const { topic, bytes, ...record } = JSON.parse(text.slice('elsewhere '.length)) as Elsewhere;
      tx.send(topic, { ...record, value: 'x'.repeat(bytes) });
    }
    for (const topic of outputs) tx.send(topic, { key, value });
  },
  observe: say,
});
process.on('SIGTERM', () => processor.stop());
processor.run().then(
  () => {
    say({ kind: 'ended' });
    process.exit(0);
  },
  (error: unknown) => {
    const { name, message } = error as Error;
    say({ kind: 'ended', error: name, message });
    process.exitCode = 1;
    if (order.endsByItself !== true) process.exit();
  },
);
