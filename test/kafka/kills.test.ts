import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { crashPoints } from '../../runtime/dedup/crash-points.js';
import type { KafkaEvent } from '../../runtime/kafka/index.js';
import { MemoryLog } from '../../targets/event-source/kafka/memory-log.js';
import { toEventRecord } from '../../targets/event-source/kafka/record.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { drain, sqs } from '../fixtures/queue.js';
import { json, text } from './records.js';
import type { Order } from './victim.js';
import { consumerOf, identities, type Names } from './victims.js';

const client = dynamo();
const queue = sqs();
const hits = Number(process.env.CRASH_HITS ?? 5);
const histogram = new Map<string, number>();
/** Offsets of the topic go on from kill to kill. */
const log = new MemoryLog('purchases');
let victim: OwnProcess;
let names: Names;

beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'victim.ts'));
  const [receipts, effects, { QueueUrl = '' }] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'name'),
    queue.send(new CreateQueueCommand({ QueueName: `q-${randomUUID()}` })),
  ]);
  names = { receipts: receipts.name, effects: effects.name, deadLetterQueueUrl: QueueUrl };
});
afterAll(async () => {
  client.destroy();
  queue.destroy();
  await victim.remove();
  reportFigures('Kafka consumer killed at', Object.fromEntries(histogram));
});

/** Both identities die at every point, in turn. */
test.each([...crashPoints, 'before-stop'] as const)(
  `killed %s (${hits} times): the batch comes again, nothing lost, nothing doubled`,
  async (dieAt) => {
    for (let hit = 0; hit < hits; hit += 1) {
      const by = identities[hit % identities.length] ?? 'key';
      const run = randomUUID();
      const event = batch(run);
      expect(await killed({ by, names, client: embedded().client, event, dieAt })).toBe('SIGKILL');
      histogram.set(dieAt, (histogram.get(dieAt) ?? 0) + 1);
      const survivor = consumerOf(by, names, client, queue);
      // Once more for good measure: a copy of a batch that is through.
      for (let times = 0; times < 2; times += 1)
        expect(await survivor(event, { getRemainingTimeInMillis: () => 30_000 })).toEqual({
          batchItemFailures: [],
        });
      expect((await row(client, { name: names.effects, partitionKey: 'name' }, { name: run }))?.value).toBe(
        3,
      );
    }
    const copies = await drain(queue, names.deadLetterQueueUrl);
    expect(new Set(copies.map(({ Body }) => Body)).size).toBe(hits);
  },
  180_000,
);

/** Three records of one run, and one that nobody can read. */
function batch(run: string): KafkaEvent {
  const records = [
    json({ run, id: `${run}-1` }, 'a'),
    json({ run, id: `${run}-2` }, 'a'),
    text(`no json ${run}`, 'c'),
    json({ run, id: `${run}-3` }, 'b'),
  ].map((one) => toEventRecord('purchases', log.put(one)));
  return {
    eventSource: 'SelfManagedKafka',
    bootstrapServers: 'b-1:9092',
    records: { 'purchases-0': records },
  };
}

/** The signal that ended the process. */
async function killed(order: Order): Promise<string | null | undefined> {
  return (await victim.run(order)).signal;
}
