import { DeleteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { sqsConsumer } from '../../runtime/sqs/index.js';
import { RejectMessage } from '../../runtime/dynamodb/index.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { sqs } from '../fixtures/queue.js';
import { count, newChannel, poll, send } from './channel.js';
import { run } from './command.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

const consumerName = 'large';
const maxBytes = 1024 * 1024;

/** A consumer whose key is an attribute of the message, and which acts by counting, and by the length of the body. */
async function world(fifo: boolean) {
  const [channel, receipts, effects] = await Promise.all([
    newChannel(client, fifo),
    newDedupTable(dynamodb),
    newTable(dynamodb, 'name'),
  ]);
  const consume = async (broken: boolean) =>
    poll(
      client,
      channel,
      sqsConsumer({
        settings: {
          consumerName,
          dedupTable: receipts.name,
          receiptRetentionSeconds: 86 * 86_400,
          deadLetterQueueUrl: channel.deadLetterQueueUrl,
        },
        schema: z.object({ pad: z.string() }),
        key: ({ attributes: { id = 'none' } }) => id,
        handle: ({ body: { pad }, key }, tx) => {
          if (broken) throw new RejectMessage('not yet');
          tx.update(effects, { name: key }, { add: { times: 1 }, set: { size: pad.length } });
        },
        dynamodb,
        sqs: client,
        observe: () => undefined,
      }),
    );
  return {
    channel,
    receipts,
    consume,
    /** Sends a message that leaves `room` bytes of what SQS takes. @returns the length of its padding */
    send: async (id: string, room: number, more: Readonly<Record<string, string>> = {}): Promise<number> => {
      const MessageAttributes: Record<string, MessageAttributeValue> = {};
      let bytes = Buffer.byteLength(JSON.stringify({ pad: '' })) + room;
      for (const [name, StringValue] of Object.entries({ id, ...more })) {
        MessageAttributes[name] = { DataType: 'String', StringValue };
        bytes += Buffer.byteLength(`${name}String${StringValue}`);
      }
      const pad = 'ö'.repeat(Math.floor((maxBytes - bytes) / 2));
      const MessageBody = JSON.stringify({ pad });
      await send(client, channel, { MessageBody, MessageGroupId: 'g', MessageAttributes });
      return pad.length;
    },
    redrive: async () =>
      run(
        'redrive',
        ...['--consumer', consumerName, '--dedup-table', receipts.name, '--horizon', '1d'],
        ...['--queue', channel.queueUrl, '--dead-letter-queue', channel.deadLetterQueueUrl],
      ),
    acted: async (id: string) => row(dynamodb, effects, { name: id }),
  };
}

test.each([true, false])(
  'R51: a message without room for a letter is dead-lettered, redriven with its body and attributes, and acts once (FIFO: %s)',
  async (fifo) => {
    const { channel, send, consume, redrive, acted } = await world(fifo);
    const size = await send('full', 0);
    await consume(true);
    expect(await count(client, channel.queueUrl)).toBe(0);
    expect(await count(client, channel.deadLetterQueueUrl)).toBe(1);

    expect(await redrive()).toMatchObject({
      status: 0,
      stdout: '1 redriven, 0 already done, 0 further copies, 0 refused\n',
    });
    await consume(false);
    expect(await acted('full')).toEqual({ name: 'full', times: 1, size });

    // Its copy is recognised by the key that its attribute makes.
    await send('full', 0);
    await consume(false);
    expect(await acted('full')).toMatchObject({ times: 1 });
    expect(await count(client, channel.deadLetterQueueUrl)).toBe(0);
  },
);

test('R51: one that is rejected again and again keeps its body', async () => {
  const { send, consume, redrive, acted } = await world(true);
  const size = await send('again', 0);
  for (let round = 0; round < 2; round += 1) {
    await consume(true);
    expect((await redrive()).stdout).toMatch(/^1 redriven/);
  }
  await consume(false);
  expect(await acted('again')).toEqual({ name: 'again', times: 1, size });
});

test('R51: attributes that had no room anywhere are missing, and the operator is told', async () => {
  const { channel, send, consume, redrive } = await world(false);
  // Within the letter they take twice the room, because JSON escapes them.
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`q${i}`, '"'.repeat(100_000)]));
  await send('quotes', 2_000, many);
  await consume(true);
  const { status, stdout } = await redrive();
  expect(status).toBe(0);
  expect(stdout).toMatch(/^1 redriven.*\n1 of them without attributes of theirs/);
  expect(await count(client, channel.queueUrl)).toBe(1);
});

test('R51: a dead letter whose stored body is gone is refused and stays', async () => {
  const { channel, receipts, send, consume, redrive } = await world(true);
  await send('gone', 0);
  await consume(true);
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: receipts.name }));
  for (const { id } of Items)
    if (id?.S?.includes('!text#'))
      await dynamodb.send(new DeleteItemCommand({ TableName: receipts.name, Key: { id } }));
  const { status, stdout } = await redrive();
  expect(status).toBe(1);
  expect(stdout).toMatch(/0 redriven.*1 refused/);
  expect(stdout).toContain('its body was too large for a dead letter');
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(1);
  expect(await count(client, channel.queueUrl)).toBe(0);
});
