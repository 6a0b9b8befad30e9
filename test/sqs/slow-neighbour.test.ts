import { setTimeout as sleep } from 'node:timers/promises';
import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import { sqsAggregateConsumer, sqsConsumer } from '../../runtime/sqs/index.js';
import { RejectMessage, type Table } from '../../runtime/dynamodb/index.js';
import { newChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, record, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
let receipts: Table;
let rows: Table;
beforeEach(async () => {
  [receipts, rows] = await Promise.all([newDedupTable(client), newTable(client, 'name')]);
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const context = { getRemainingTimeInMillis: () => 20_000 };
const settings = (deadLetterQueueUrl: string, onFailure: 'skip' | 'stop' = 'skip') => ({
  consumerName: 'neighbours',
  dedupTable: receipts.name,
  receiptRetentionSeconds: 3600,
  deadLetterQueueUrl,
  onFailure,
});
const common = { dynamodb: client, sqs: queue, observe: () => undefined };

test.each([true, false])(
  'whoever is ready acts while a handler of the batch still waits for somebody, in order (FIFO: %s)',
  async (fifo) => {
    const seen: unknown[] = [];
    const handler = sqsConsumer({
      ...common,
      settings: settings('http://127.0.0.1/none'),
      schema: z.object({ id: z.string() }),
      key: ({ body }) => body.id,
      handle: async ({ body: { id } }, tx) => {
        if (id === 'slow')
          for (let tries = 0; tries < 40 && seen.length === 0; tries += 1) {
            const neighbour = await row(client, rows, { name: 'quick 2' });
            if (neighbour !== undefined) seen.push(neighbour);
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
        const before = await tx.get(rows, { name: id }, ['times']);
        tx.update(rows, { name: id }, { set: { times: Number(before?.times ?? 0) + 1 } });
      },
    });
    const Records = [
      record({ body: { id: 'slow' }, ...(fifo && { group: 'a' }) }),
      record({ body: { id: 'behind' }, ...(fifo && { group: 'a' }) }),
      record({ body: { id: 'quick 1' }, ...(fifo && { group: 'b' }) }),
      record({ body: { id: 'quick 2' }, ...(fifo && { group: 'b' }) }),
    ];
    expect(await handler({ Records }, context)).toEqual({ batchItemFailures: [] });
    expect(seen).toHaveLength(1);
    for (const name of ['slow', 'behind', 'quick 1', 'quick 2'])
      expect(await row(client, rows, { name })).toMatchObject({ times: 1 });
  },
);

test('R12: a handler that ends while its neighbour is committed runs once, and its message is told as processed', async () => {
  const runs: string[] = [];
  const told: { processed: number; duplicate: number }[] = [];
  const committing = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<undefined>();
  const held = new Proxy(client, {
    get: (target, name) => {
      if (name !== 'send') return Reflect.get(target, name) as unknown;
      return async (command: Parameters<typeof client.send>[0], ...rest: []) => {
        const answer = await target.send(command, ...rest);
        if (command instanceof TransactWriteItemsCommand) {
          committing.resolve(undefined);
          await ended.promise;
          // What the handler has filled is prepared by then.
          await sleep(50);
        }
        return answer;
      };
    },
  });
  const handler = sqsConsumer({
    ...common,
    dynamodb: held,
    observe: ({ processed, duplicate }) => void told.push({ processed, duplicate }),
    settings: settings('http://127.0.0.1/none'),
    schema: z.object({ id: z.string() }),
    key: ({ body }) => body.id,
    handle: async ({ body: { id } }, tx) => {
      runs.push(id);
      tx.update(rows, { name: id }, { add: { times: 1 } });
      if (id !== 'slow') return;
      await committing.promise;
      // A second run would be late again.
      if (runs.length > 2) await sleep(500);
      ended.resolve(undefined);
    },
  });
  const Records = [record({ body: { id: 'slow' } }), record({ body: { id: 'quick' } })];
  expect(await handler({ Records }, context)).toEqual({ batchItemFailures: [] });
  expect(runs.sort()).toEqual(['quick', 'slow']);
  expect(told).toEqual([{ processed: 2, duplicate: 0 }]);
  for (const name of ['slow', 'quick']) expect(await row(client, rows, { name })).toMatchObject({ times: 1 });
});

test.each(['skip', 'stop'] as const)(
  'R50: who brought a parked event that is given up is acknowledged at once (%s)',
  async (onFailure) => {
    const { deadLetterQueueUrl } = await newChannel(queue, false);
    const handler = sqsAggregateConsumer({
      ...common,
      settings: settings(deadLetterQueueUrl, onFailure),
      schema: z.object({ version: z.string() }),
      table: rows,
      aggregate: () => ({ name: 'all' }),
      version: ({ body }) => ({ source: 'producer', version: body.version }),
      reduce: (state: { log: string } | undefined, { body: { version } }) => {
        if (version === '2') throw new RejectMessage('never');
        return { log: `${state?.log ?? ''}${version} ` };
      },
    });
    const deliver = async (...versions: readonly string[]) =>
      handler({ Records: versions.map((version) => record({ body: { version } })) }, context);
    await deliver('2', '3');
    expect(await deliver('1')).toEqual({ batchItemFailures: [] });
    expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(1);
    expect((await row(client, rows, { name: 'all' }))?.log).toBe(onFailure === 'skip' ? '1 3 ' : '1 ');
  },
);
