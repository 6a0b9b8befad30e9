import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { deadLetterAttribute, type DeadLetter } from '../../runtime/sqs/index.js';
import { newChannel, pump, send } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { drain, sqs } from '../fixtures/queue.js';
import type { KillerOrder } from './killer.js';

const client = dynamo();
const queue = sqs();
let killer: OwnProcess;

beforeAll(async () => {
  killer = await OwnProcess.of(join(__dirname, 'killer.ts'));
});
afterAll(async () => {
  client.destroy();
  queue.destroy();
  await killer.remove();
});

/** Whose process is killed rejects, as Lambda fails the whole batch. */
async function inProcess(order: KillerOrder): Promise<SQSBatchResponse> {
  const { stdout, signal } = await killer.run(order);
  if (stdout === '') throw new Error(`killed by ${signal ?? 'nobody'}`);
  return JSON.parse(stdout) as SQSBatchResponse;
}

test.each<[way: KillerOrder['way'], fifo: boolean, at: number, maxFailures: number]>([
  ['transaction', true, 0, 4],
  ['transaction', false, 9, 1],
  ['insert', true, 9, 5],
  ['insert', false, 0, 4],
])(
  'R46: of a batch with a message that kills its process only that one is a dead letter (%s way, FIFO: %s, at %i, maxFailures %i)',
  async (way, fifo, at, maxFailures) => {
    const [receipts, effects, channel] = await Promise.all([
      newDedupTable(client),
      newTable(client, 'name'),
      newChannel(queue, fifo),
    ]);
    const settings = {
      consumerName: 'killed',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: channel.deadLetterQueueUrl,
      maxFailures,
    };
    // In groups of its neighbours, which wait behind it or before it.
    for (let i = 0; i < 10; i += 1)
      await send(
        queue,
        channel.queueUrl,
        i === at ? { id: 'killer', kills: true } : { id: `m-${i}`, kills: false },
        fifo ? `g${i % 4}` : undefined,
      );
    let kills = 0;
    const batches = await pump(queue, channel, async ({ Records: records }: SQSEvent) => {
      try {
        return await inProcess({ way, settings, effects: effects.name, client: embedded().client, records });
      } catch (error) {
        kills += 1;
        throw error;
      }
    });
    expect(kills).toBeGreaterThanOrEqual(4);
    expect(batches).toBeGreaterThan(kills);
    const letters = (await drain(queue, channel.deadLetterQueueUrl)).map(
      ({ MessageAttributes = {} }) =>
        JSON.parse(MessageAttributes[deadLetterAttribute]?.StringValue ?? 'null') as DeadLetter,
    );
    expect(letters).toEqual([expect.objectContaining({ kind: 'died' })]);
    if (way === 'transaction')
      expect(await row(client, effects, { name: 'all' })).toMatchObject({ value: 9 });
    else {
      const { Count } = await client.send(new ScanCommand({ TableName: effects.name, Select: 'COUNT' }));
      expect(Count).toBe(9);
    }
  },
  60_000,
);
