import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as olderBy } from 'node:timers/promises';
import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { receiptId } from '../../runtime/dedup/identity.js';
import { packageRoot } from '../../targets/package-root.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { sqs } from '../fixtures/queue.js';
import { count, newChannel, poll, send, type Channel } from './channel.js';
import { run } from './command.js';
import { DenyingProxy } from './denying-proxy.js';
import { deployed } from './deployed.js';
import { consumerName, Ledger } from './ledger.js';

const client = sqs();
const dynamodb = dynamo();
const lambda = new LambdaClient(embedded().client);
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
  lambda.destroy();
});

/** One message has acted, the other one is dead. */
async function setUp(): Promise<{ channel: Channel; ledger: Ledger; about: string[] }> {
  const [channel, ledger] = await Promise.all([newChannel(client, true), Ledger.open(dynamodb)]);
  for (const id of ['done', 'dead'])
    await send(client, channel, { MessageBody: JSON.stringify({ id, group: 'g' }), MessageGroupId: 'g' });
  await poll(
    client,
    channel,
    ledger.consumer(client, channel, (id) => id === 'dead'),
  );
  const about = [
    ...['--consumer', consumerName, '--dedup-table', ledger.receipts.name],
    ...['--queue', channel.queueUrl.split('/').at(-1) ?? ''],
  ];
  return { channel, ledger, about };
}

/** A function that is set as IdempotentConsumer sets it. */
function deployedConsumer(channel: Channel, ledger: Ledger): Promise<string> {
  return deployed(lambda, {
    EXACTLY_ONCE_CONSUMER_NAME: consumerName,
    EXACTLY_ONCE_DEDUP_TABLE: ledger.receipts.name,
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: String(86 * 86_400),
    EXACTLY_ONCE_QUEUE_URL: channel.queueUrl,
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: channel.deadLetterQueueUrl,
  });
}

test('inspect tells of a receipt, of a dead letter, and of neither', async () => {
  const { about } = await setUp();
  const done = await run('inspect', 'done', ...about, '--receipt-retention', '86d', '--json');
  expect(done).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(done.stdout)).toMatchObject({
    receipt: { status: 'COMPLETED', expires: expect.any(String) },
    deadLetters: { found: [], unseen: 0 },
  });
  const { receipt } = JSON.parse(done.stdout) as { receipt: { age: number } };
  expect(receipt.age).toBeLessThan(300);

  const dead = await run('inspect', 'dead', ...about);
  expect(dead.status).toBe(1);
  expect(dead.stdout).toMatch(/receipt +none/);
  expect(dead.stdout).toMatch(/dead letters +1\n/);
  expect(dead.stdout).toMatch(/RejectMessage: not yet$/m);

  const unknown = await run('inspect', 'nobody', ...about, '--json');
  expect(unknown.status).toBe(1);
  expect(JSON.parse(unknown.stdout)).toMatchObject({ deadLetters: { found: [] } });
});

test('inspect reads a receipt as the runtime does: unfinished is none, long integers are whole, and newer rows are not read', async () => {
  const { about, ledger } = await setUp();
  const stored = async (key: string, attributes: Record<string, AttributeValue>) =>
    dynamodb.send(
      new PutItemCommand({
        TableName: ledger.receipts.name,
        Item: { id: { S: receiptId(consumerName, key) }, ...attributes },
      }),
    );
  const digits = '12345678901234567890';
  await stored('unfinished', { status: { S: 'INPROGRESS' } });
  await stored('whole', { v: { N: '1' }, status: { S: 'COMPLETED' }, data: { N: digits } });
  await stored('newer', { v: { N: '99' }, status: { S: 'COMPLETED' } });

  expect((await run('inspect', 'unfinished', ...about)).status).toBe(1);
  const whole = await run('inspect', 'whole', ...about);
  expect(whole.status).toBe(0);
  expect(whole.stdout).toContain(digits);
  const newer = await run('inspect', 'newer', ...about);
  expect(newer.status).toBe(2);
  expect(newer.stderr).toMatch(/^could not run: .*99/);
});

test('the name of the function is enough', async () => {
  const { channel, ledger } = await setUp();
  const name = await deployedConsumer(channel, ledger);
  expect((await run('inspect', 'done', '--function', name)).status).toBe(0);
  const redriven = await run('redrive', '--function', name);
  expect(redriven.stdout).toBe('1 redriven, 0 already done, 0 further copies, 0 refused\n');
  expect(redriven.status).toBe(0);
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(0);
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(await run('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
});

test('redrive says what it refuses, and ends with 1', async () => {
  const { about } = await setUp();
  await olderBy(1_500);
  const { status, stdout } = await run('redrive', ...about, '--horizon', '1s');
  expect(status).toBe(1);
  expect(stdout).toMatch(/^0 redriven, 0 already done, 0 further copies, 1 refused\n/);
  expect(stdout).toMatch(/ dead +g .* past the horizon: .* RejectMessage: not yet\n$/);
});

test.each([
  [['redrive', '--rate', '0'], 'Allowed are numbers from 0.001 to 10000'],
  [['redrive', '--rate', '0.0000001'], 'Allowed are numbers from 0.001 to 10000'],
  [['redrive', '--horizon', '5 days'], 'Allowed are 30s, 15m, 12h, 86d and the like'],
  [['redrive', '--no-such'], "unknown option '--no-such'"],
  [['resume', 'g', '--consumer', 'c'], "required option '--reason <text>' not specified"],
  [['inspect', 'k'], 'could not run: the consumer is not known: give --consumer, or --function'],
  [
    ['inspect', 'k', '--consumer', 'c'],
    'could not run: the table of the receipts is not known: give --dedup-table',
  ],
  [['inspect', 'k', '--consumer', 'a b'], 'could not run: invalid settings: consumerName must be 1 to 64'],
  [['inspect', 'k', '--function', 'nobody'], "could not run: there is no function 'nobody'"],
  [
    ['redrive', '--consumer', 'c', '--queue', 'no-such-queue'],
    "could not run: there is no queue 'no-such-queue' in this account and Region",
  ],
  [
    ['groups', '--consumer', 'c', '--dedup-table', 't', '--endpoint', 'http://127.0.0.1:1'],
    'ECONNREFUSED 127.0.0.1:1: check --endpoint',
  ],
  [
    ['groups', '--consumer', 'c', '--dedup-table', 'no-such-table'],
    ': check the name of the table and --region',
  ],
])('%j ends with 2 and one sentence', async (args, sentence) => {
  const { status, stdout, stderr } = await run(...args);
  expect(stderr).toContain(sentence);
  expect(stderr).not.toContain('    at ');
  expect([status, stdout]).toEqual([2, '']);
});

test('redrive does not guess how long receipts are kept', async () => {
  const { about, channel } = await setUp();
  const { status, stderr } = await run('redrive', ...about);
  expect(stderr).toContain('how long receipts are kept is not known');
  expect(status).toBe(2);
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(1);
});

test('inspect without permission for the dead-letter queue says so once, and tells of the receipt', async () => {
  const { about } = await setUp();
  await using proxy = await DenyingProxy.open((call) => call.startsWith('AmazonSQS.ReceiveMessage'));
  const { status, stdout, stderr } = await run('inspect', 'done', ...about, '--endpoint', proxy.endpoint);
  expect(stderr).toBe(
    "not known: dead letters of 'done': no permission for sqs:ReceiveMessage on the dead-letter queue\n",
  );
  expect(stdout).toMatch(/receipt +COMPLETED/);
  expect(status).toBe(0);
});

test('a permission that a command cannot do without is one sentence', async () => {
  const { about } = await setUp();
  await using proxy = await DenyingProxy.open((call) => call.startsWith('AmazonSQS.ReceiveMessage'));
  const denied = await run('redrive', ...about, '--horizon', '1d', '--endpoint', proxy.endpoint);
  expect(denied).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^could not run: AccessDenied.*docs\/cli.md lists the permissions.*\n$/),
  });
});
