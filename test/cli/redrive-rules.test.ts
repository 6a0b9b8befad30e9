import {
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
  type MessageAttributeValue,
} from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { redrive, type RedriveOptions, type RedriveReport } from '../../cli/redrive.js';
import { deadLetterAttribute } from '../../runtime/sqs/message-attributes.js';
import { dynamo } from '../fixtures/dynamo.js';
import { drain, sqs } from '../fixtures/queue.js';
import { count, newChannel, poll, send, type Channel } from './channel.js';
import { consumerName, Ledger } from './ledger.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

const day = 86_400;
const body = (id: string, group = 'g') => JSON.stringify({ id, group });
const daysAgo = (days: number) => new Date(Date.now() - days * day * 1000).toISOString();

interface Shape {
  readonly id: string;
  readonly group?: string;
  readonly body?: string;
  readonly letter?: Record<string, unknown>;
  readonly attributes?: Record<string, MessageAttributeValue>;
}

/** Puts a message into the dead-letter queue, with the letter that the runtime writes unless another is given. */
async function deadLetter(channel: Channel, { id, group = 'g', attributes, ...shape }: Shape): Promise<void> {
  const letter = {
    reason: 'RejectMessage: not yet',
    ...{ consumerName, key: id, stream: channel.queueArn, group, sequence: '1', attempts: 1 },
    firstEnqueue: daysAgo(1),
    ...shape.letter,
  };
  await client.send(
    new SendMessageCommand({
      QueueUrl: channel.deadLetterQueueUrl,
      MessageBody: shape.body ?? body(id, group),
      MessageAttributes: {
        ...attributes,
        [deadLetterAttribute]: { DataType: 'String', StringValue: JSON.stringify(letter) },
      },
      ...(channel.fifo && { MessageGroupId: group, MessageDeduplicationId: randomUUID() }),
    }),
  );
}

async function setUp(fifo = true) {
  const [channel, ledger] = await Promise.all([newChannel(client, fifo), Ledger.open(dynamodb)]);
  const { queueUrl, deadLetterQueueUrl } = channel;
  const run = (options: Partial<RedriveOptions> = {}): Promise<RedriveReport> =>
    redrive({
      ...{
        sqs: client,
        dynamodb,
        consumerName,
        dedupTable: ledger.receipts.name,
        queueUrl,
        deadLetterQueueUrl,
      },
      ...{ horizonSeconds: 80 * day, messagesPerSecond: 2000, visibilitySeconds: 10, dryRun: false },
      ...options,
    });
  const consume = (broken?: (id: string) => boolean) =>
    poll(client, channel, ledger.consumer(client, channel, broken));
  return { channel, ledger, run, consume };
}

const refusals = ({ kept }: RedriveReport) => [...kept.values()].map(({ key, refused }) => [key, refused]);
const letterOf = ({ MessageAttributes }: Message) =>
  JSON.parse(MessageAttributes?.[deadLetterAttribute]?.StringValue ?? '{}') as Record<string, unknown>;

test('body, group and attributes are sent as they were, and the letter with the count of redrives', async () => {
  const { channel, run } = await setUp();
  const attributes = {
    tenant: { DataType: 'String', StringValue: 'blue' },
    bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255, 7]) },
  };
  await deadLetter(channel, { id: 'a', group: 'red', body: ' {"id": "a" ,"group":"red"}', attributes });
  expect(await run()).toMatchObject({ redriven: 1, left: 0 });
  const [message = {}, ...others] = await drain(client, channel.queueUrl);
  expect(others).toEqual([]);
  expect(message.Body).toBe(' {"id": "a" ,"group":"red"}');
  expect(message.Attributes?.MessageGroupId).toBe('red');
  expect(message.Attributes?.MessageDeduplicationId).toMatch(/^a#r1\.[0-9a-f]{16}$/);
  expect(message.MessageAttributes).toMatchObject(attributes);
  expect(letterOf(message)).toMatchObject({ key: 'a', redrives: 1, reason: 'RejectMessage: not yet' });
});

test('ten attributes that were put into the letter are put back', async () => {
  const { channel, run } = await setUp();
  const names = Array.from({ length: 10 }, (_, n) => `name${n}`);
  await deadLetter(channel, {
    id: 'a',
    letter: {
      attributes: Object.fromEntries(
        names.map((name, n) => [
          name,
          n === 0
            ? { dataType: 'Binary', binaryValue: Buffer.from([0, 255]).toString('base64') }
            : { dataType: 'String', stringValue: name },
        ]),
      ),
    },
  });
  await run();
  const [message = {}] = await drain(client, channel.queueUrl);
  expect(Object.keys(message.MessageAttributes ?? {}).sort()).toEqual(names);
  expect([...(message.MessageAttributes?.name0?.BinaryValue ?? [])]).toEqual([0, 255]);
  expect(message.MessageAttributes?.name9).toMatchObject({ DataType: 'String', StringValue: 'name9' });
});

test('a message that was processed is removed, and not sent', async () => {
  const { channel, ledger, run, consume } = await setUp();
  await send(client, channel, { MessageBody: body('a'), MessageGroupId: 'g' });
  await consume();
  await deadLetter(channel, { id: 'a' });
  await deadLetter(channel, { id: 'b' });
  expect(await run({ dryRun: true })).toMatchObject({ redriven: 1, done: 1 });
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(2);
  expect(await run()).toMatchObject({ redriven: 1, done: 1, left: 0 });
  expect(await count(client, channel.queueUrl)).toBe(1);
  await consume();
  expect(await ledger.read()).toEqual({ logs: { g: ['a', 'b'] }, effects: 2 });
});

test('another payload under a processed key is not taken for it: the consumer refuses it, with the reason', async () => {
  const { channel, run, consume } = await setUp();
  await send(client, channel, { MessageBody: body('a'), MessageGroupId: 'g' });
  await consume();
  await deadLetter(channel, { id: 'a', body: body('a', 'other') });
  expect(await run()).toMatchObject({ redriven: 1, done: 0 });
  await consume();
  const [back = {}] = await drain(client, channel.deadLetterQueueUrl);
  expect(letterOf(back).reason).toMatch(/^KeyReused: /);
});

test('what is past the horizon stays, is listed, and can be read by others at once', async () => {
  const { channel, run } = await setUp();
  await deadLetter(channel, { id: 'old', letter: { firstEnqueue: daysAgo(81) } });
  await deadLetter(channel, { id: 'young', letter: { firstEnqueue: daysAgo(79) } });
  const report = await run();
  expect(report).toMatchObject({ redriven: 1, left: 0 });
  expect(refusals(report)).toEqual([['old', expect.stringContaining('past the horizon')]]);
  expect((await drain(client, channel.deadLetterQueueUrl)).map(letterOf)).toMatchObject([{ key: 'old' }]);
});

test('what belongs to another consumer stays', async () => {
  const { channel, run } = await setUp();
  await deadLetter(channel, { id: 'a', letter: { consumerName: 'other' } });
  expect(refusals(await run())).toEqual([['a', "belongs to consumer 'other'"]]);
  expect(await count(client, channel.queueUrl)).toBe(0);
});

test('copies of one message are merged, with the earliest first enqueue', async () => {
  const { channel, run } = await setUp();
  const firstEnqueue = daysAgo(3);
  await deadLetter(channel, { id: 'a' });
  await deadLetter(channel, { id: 'a', letter: { firstEnqueue, attempts: 7 } });
  await deadLetter(channel, { id: 'a', letter: { redrives: 2 } });
  expect(await run()).toMatchObject({ redriven: 1, copies: 2, left: 0 });
  const sent = await drain(client, channel.queueUrl);
  expect(sent.map(letterOf)).toMatchObject([{ key: 'a', firstEnqueue, redrives: 3 }]);
});

test('messages without a letter are sent too, equal bodies are two', async () => {
  const { channel, run } = await setUp();
  for (let copy = 0; copy < 2; copy += 1)
    await client.send(
      new SendMessageCommand({
        QueueUrl: channel.deadLetterQueueUrl,
        MessageBody: 'not even JSON',
        MessageGroupId: 'g',
        MessageDeduplicationId: randomUUID(),
        MessageAttributes: { [deadLetterAttribute]: { DataType: 'String', StringValue: '{"by":"hand"}' } },
      }),
    );
  expect(await run()).toMatchObject({ redriven: 2, left: 0 });
  expect((await drain(client, channel.queueUrl)).map(({ Body }) => Body)).toEqual([
    'not even JSON',
    'not even JSON',
  ]);
});

/** The client, with something put before each send. */
function beforeSend(what: (id: string) => unknown): typeof client {
  return Object.assign(Object.create(client) as typeof client, {
    send: async (command: object) => {
      if (command instanceof SendMessageCommand)
        await what((JSON.parse(command.input.MessageBody ?? '') as { id: string }).id);
      return await client.send(command as never);
    },
  });
}

test('messages of a group are sent by position, however they were dead-lettered', async () => {
  const { channel, run } = await setUp(false);
  const sent: string[] = [];
  const stream = JSON.stringify(['shop', '1', 'a']);
  for (const version of ['10', '9', '100', '0011'])
    await deadLetter(channel, { id: version, letter: { position: { stream, sequence: version } } });
  await run({ sqs: beforeSend((id) => sent.push(id)) });
  expect(sent).toEqual(['9', '10', '0011', '100']);
});

test('a slow send holds back the rest of its group', async () => {
  const { channel, run } = await setUp();
  for (const id of ['1', '2', '3']) await deadLetter(channel, { id });
  await run({ sqs: beforeSend((id) => sleep(id === '1' ? 500 : 0)) });
  expect((await drain(client, channel.queueUrl)).map(letterOf)).toMatchObject(
    ['1', '2', '3'].map((key) => ({ key })),
  );
});

test('a send that fails ends the redrive before the rest of its group, and the next one goes on', async () => {
  const { channel, run } = await setUp();
  for (const id of ['1', '2', '3']) await deadLetter(channel, { id });
  const failing = beforeSend((id) => {
    if (id === '2') throw new Error('no network');
  });
  await expect(run({ sqs: failing })).rejects.toThrow('no network');
  expect(await count(client, channel.queueUrl)).toBe(1);
  expect(await run()).toMatchObject({ redriven: 2, left: 0 });
  expect((await drain(client, channel.queueUrl)).map(letterOf)).toMatchObject(
    ['1', '2', '3'].map((key) => ({ key })),
  );
});

test('what fails again stays, and a second redrive within five minutes is not swallowed by the queue', async () => {
  const { channel, ledger, run, consume } = await setUp();
  await deadLetter(channel, { id: 'a' });
  let over = false;
  const consuming = poll(
    client,
    channel,
    ledger.consumer(client, channel, () => true),
    () => !over,
  );
  // The second message keeps the redrive at work until the first one is back.
  await deadLetter(channel, { id: 'b', group: 'slow' });
  const report = await run({ messagesPerSecond: 0.5 });
  over = true;
  await consuming;
  expect(await count(client, channel.queueUrl)).toBe(0);
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(2);
  for (const [, refused] of refusals(report)) expect(refused).toContain('here again');

  expect(await run()).toMatchObject({ redriven: 2, left: 0 });
  await consume(() => true);
  expect(await run()).toMatchObject({ redriven: 2, left: 0 });
  await consume();
  expect(await ledger.read()).toEqual({ logs: { g: ['a'], slow: ['b'] }, effects: 2 });
});

test('refused messages that fill the view of a group are told, not waited for', async () => {
  const { channel, run } = await setUp();
  for (let n = 0; n < 11; n += 1)
    await deadLetter(channel, { id: String(n), letter: { firstEnqueue: daysAgo(n < 10 ? 90 : 1) } });
  const report = await run({ visibilitySeconds: 3600 });
  expect(report).toMatchObject({ redriven: 0, left: 1 });
  expect(report.kept.size).toBe(10);
});

test('queues of two kinds are not taken', async () => {
  const { channel, run } = await setUp();
  await expect(run({ deadLetterQueueUrl: channel.deadLetterQueueUrl.replace('.fifo', '') })).rejects.toThrow(
    'are of different kinds: give the two of one channel',
  );
});

test('an interrupted redrive lets go of what it holds', async () => {
  const { channel, run } = await setUp();
  for (let n = 0; n < 5; n += 1) await deadLetter(channel, { id: String(n) });
  const interrupt = new AbortController();
  const report = await run({
    visibilitySeconds: 3600,
    signal: interrupt.signal,
    onProgress: ({ redriven }) => {
      if (redriven === 2) interrupt.abort();
    },
  });
  expect(report).toMatchObject({ redriven: 2, left: 3 });
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl: channel.deadLetterQueueUrl, MaxNumberOfMessages: 10 }),
  );
  expect(Messages).toHaveLength(3);
});
