import { SendMessageCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { redrive, type RedriveOptions } from '../../cli/redrive.js';
import { deadLetterAttribute } from '../../runtime/sqs/message-attributes.js';
import { dynamo } from '../fixtures/dynamo.js';
import { drain, sqs } from '../fixtures/queue.js';
import { count, newChannel, type Channel } from './channel.js';
import { run } from './command.js';
import { consumerName, Ledger } from './ledger.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

const letter = (channel: Channel, rest: object = {}) => ({
  reason: 'RejectMessage: not yet',
  ...{ consumerName, key: 'k', stream: channel.queueArn, sequence: '1', attempts: 1, kind: 'rejected' },
  firstEnqueue: new Date().toISOString(),
  ...rest,
});

async function put(channel: Channel, body: string, text: string, group = 'g'): Promise<void> {
  await client.send(
    new SendMessageCommand({
      QueueUrl: channel.deadLetterQueueUrl,
      MessageBody: body,
      MessageAttributes: { [deadLetterAttribute]: { DataType: 'String', StringValue: text } },
      ...(channel.fifo && { MessageGroupId: group, MessageDeduplicationId: randomUUID() }),
    }),
  );
}

const strange: readonly [string, object][] = [
  ['attributes that are none', { attributes: { a: null } }],
  ['attributes that are text', { attributes: 'abc' }],
  ['an attribute without a type', { attributes: { a: {} } }],
  ['an attribute of bytes that are none', { attributes: { a: { dataType: 'Binary', binaryValue: 5 } } }],
  ['a position without a number', { position: { stream: 's', sequence: 'abc' } }],
  ['a position that is text', { position: 'abc' }],
  ['a position of a number', { position: { stream: 's', sequence: 5 } }],
  ['a stored body that is none', { stored: 5 }],
  ['a sequence that is a number', { sequence: 12 }],
  ['negative redrives', { redrives: -3 }],
  ['a first enqueue that is a number', { firstEnqueue: 2026 }],
  ['a first enqueue in the year 20000', { firstEnqueue: '+020000-01-01T00:00:00.000Z' }],
  ['a group that is none', { group: 5 }],
  ['a kind and attempts that are none', { kind: {}, attempts: 'x' }],
  ['a message id that is none', { messageId: 5 }],
  ['no text at all', { reason: undefined }],
];

test.each([true, false])(
  'letters that nobody of ours wrote hold up no other one (FIFO: %s)',
  async (fifo) => {
    const [channel, ledger] = await Promise.all([newChannel(client, fifo), Ledger.open(dynamodb)]);
    const { queueUrl, deadLetterQueueUrl } = channel;
    await put(channel, '"first"', JSON.stringify(letter(channel, { key: 'first' })), 'h');
    for (const [name, rest] of strange)
      await put(
        channel,
        JSON.stringify(name),
        JSON.stringify(letter(channel, { key: name, ...rest })),
        name.replaceAll(' ', '-'),
      );
    await put(channel, '"last"', JSON.stringify(letter(channel, { key: 'last' })), 'z');
    const by = ['--consumer', consumerName, '--dedup-table', ledger.receipts.name, '--queue', queueUrl];
    const listed = await run('dead-letters', 'list', ...by, '--json');
    expect(listed).toMatchObject({ status: 1, stderr: '' });
    const options: RedriveOptions = {
      ...{
        sqs: client,
        dynamodb,
        consumerName,
        dedupTable: ledger.receipts.name,
        queueUrl,
        deadLetterQueueUrl,
      },
      ...{ messagesPerSecond: 2000, visibilitySeconds: 3, dryRun: false },
    };
    const report = await redrive(options);
    expect([...report.kept.values()].map(({ refused }) => refused)).toContainEqual(
      expect.stringContaining('its letter cannot be read'),
    );
    const sent = (await drain(client, queueUrl)).map(({ Body = '' }) => JSON.parse(Body) as string);
    expect(sent).toEqual(expect.arrayContaining(['first', 'last']));
    expect(sent.length + report.kept.size).toBe(strange.length + 2);
    expect(await count(client, deadLetterQueueUrl)).toBe(report.kept.size);
  },
);

test.each([true, false])(
  'a message that the queue does not take keeps no other one back (FIFO: %s)',
  async (fifo) => {
    const channel = await newChannel(client, fifo);
    const { queueUrl, deadLetterQueueUrl } = channel;
    await client.send(
      new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { MaximumMessageSize: '2048' } }),
    );
    for (const key of ['a', 'large', 'b'])
      await put(
        channel,
        JSON.stringify(key === 'large' ? 'x'.repeat(3_000) : key),
        JSON.stringify(letter(channel, { key })),
      );
    const by = ['--consumer', consumerName, '--queue', queueUrl, '--dead-letter-queue', deadLetterQueueUrl];
    const { status, stdout } = await run('redrive', ...by, '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      redriven: 2,
      kept: [{ key: 'large', refused: expect.stringContaining('the queue does not take it: ') }],
    });
    const sent = (await drain(client, queueUrl)).map(({ Body = '' }) => JSON.parse(Body) as string);
    expect(fifo ? sent : sent.sort()).toEqual(['a', 'b']);
    expect(await count(client, deadLetterQueueUrl)).toBe(1);
  },
);

test("a dead letter of another consumer's newer version is not thrown away", async () => {
  const [channel, ledger] = await Promise.all([newChannel(client, false), Ledger.open(dynamodb)]);
  const rest = { consumerName: 'other', stored: { table: 't', row: 'r' } };
  await put(channel, '-', JSON.stringify(letter(channel, rest)));
  const by = ['--consumer', consumerName, '--dedup-table', ledger.receipts.name, '--queue', channel.queueUrl];
  const discarded = await run('dead-letters', 'discard', ...by, '--all', '--reason', 'x', '--json');
  expect(JSON.parse(discarded.stdout)).toMatchObject({ discarded: [], ofOthers: 1 });
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(1);
});
