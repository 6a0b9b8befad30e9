import { setTimeout } from 'node:timers/promises';
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import { deadLetterAttribute, sqsConsumer, type DeadLetter } from '../../runtime/sqs/index.js';
import type { OnFailure } from '../../runtime/consumer/settings.js';
import { RejectMessage, type Table } from '../../runtime/dynamodb/index.js';
import { resumeGroup, skipHead } from '../../runtime/sqs/decide.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
const consumerName = 'parked';
let receipts: Table;
let rows: Table;
let channel: TestChannel;
let refused: Set<string>;
beforeEach(async () => {
  [receipts, rows, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newChannel(queue),
  ]);
  refused = new Set();
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

/** A new instance of a consumer that appends each message to one text: a double and a wrong order both show. */
const consume = async (onFailure: OnFailure = 'stop', receiptRetentionSeconds = 3600) =>
  pump(
    queue,
    channel,
    sqsConsumer({
      settings: {
        consumerName,
        dedupTable: receipts.name,
        receiptRetentionSeconds,
        deadLetterQueueUrl: channel.deadLetterQueueUrl,
        onFailure,
      },
      schema: z.object({ id: z.string() }),
      key: ({ body }) => body.id,
      handle: async ({ body: { id } }, tx) => {
        if (refused.has(id)) throw new RejectMessage('not yet');
        const before = await tx.get(rows, { name: 'log' }, ['text']);
        tx.update(
          rows,
          { name: 'log' },
          { set: { text: `${(before?.text as string | undefined) ?? ''}${id} ` } },
        );
      },
      dynamodb: client,
      sqs: queue,
      observe: () => undefined,
    }),
  );
const post = async (...ids: readonly string[]) => {
  for (const id of ids) await send(queue, channel.queueUrl, { id }, 'g');
};
const log = async () => (await row(client, rows, { name: 'log' }))?.text;
const letters = async () =>
  (await drain(queue, channel.deadLetterQueueUrl)).map(({ MessageAttributes = {} }) => {
    const text = MessageAttributes[deadLetterAttribute]?.StringValue ?? 'null';
    return (JSON.parse(text) as DeadLetter).key;
  });
const decide = async (how: typeof resumeGroup) =>
  how({ client, tableName: receipts.name }, queue, {
    consumerName,
    stream: `${channel.queueArn}#g`,
    reason: 'mended',
  });

/** A group that has stopped at `poison`. */
async function stopped(...before: readonly string[]): Promise<void> {
  refused.add('poison');
  await post(...before, 'poison');
  await consume();
  expect(await letters()).toEqual(['poison']);
}

test('R50: copies of what acted before are duplicates when they would be parked, and when they are drained', async () => {
  await stopped('a');
  await post('a', 'b');
  await consume();
  refused.clear();
  await decide(resumeGroup);
  await consume();
  await post('b');
  await consume();
  expect([await log(), await letters()]).toEqual(['a poison b ', []]);
});

test('R50: copies that are parked side by side act once', async () => {
  await stopped();
  await post('a', 'a', 'b', 'a');
  await consume();
  refused.clear();
  await decide(resumeGroup);
  await consume();
  expect([await log(), await letters()]).toEqual(['poison a b ', []]);
});

test('R50: a copy that outlived its receipt while it was parked does not act again, and a person is told', async () => {
  await stopped();
  await post('a', 'worse');
  await consume();
  await post('a');
  await consume();
  refused = new Set(['worse']);
  await decide(resumeGroup);
  await consume();
  expect([await log(), await letters()]).toEqual(['poison a ', ['worse']]);
  const Key = { id: { S: `${consumerName}#a` } };
  const { Attributes } = await client.send(
    new DeleteItemCommand({ TableName: receipts.name, Key, ReturnValues: 'ALL_OLD' }),
  );
  expect(Attributes?.status?.S).toBe('COMPLETED');
  await setTimeout(1_000);
  await decide(skipHead);
  await consume('stop', 1);
  expect([await log(), await letters()]).toEqual(['poison a ', ['a']]);
});

test('R50: a consumer that is deployed with `skip` does not overtake what was parked under `stop`', async () => {
  await stopped();
  await post('a');
  await consume();
  await post('b');
  await consume('skip');
  expect(await log()).toBeUndefined();
  refused.clear();
  await decide(resumeGroup);
  await consume('skip');
  await post('c');
  await consume('skip');
  expect([await log(), await letters()]).toEqual(['poison a b c ', []]);
});

test('R50: a message that fails while it is drained is judged itself, and its group stops at it', async () => {
  await stopped();
  await post('a', 'worse', 'b');
  await consume();
  refused = new Set(['worse']);
  await decide(resumeGroup);
  await consume();
  expect([await log(), await letters()]).toEqual(['poison a ', ['worse']]);
  refused.clear();
  await decide(resumeGroup);
  await consume();
  expect([await log(), await letters()]).toEqual(['poison a worse b ', []]);
});
