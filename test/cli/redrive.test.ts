import { dynamo } from '../fixtures/dynamo.js';
import { sqs } from '../fixtures/queue.js';
import { count, newChannel, poll, send, type Channel } from './channel.js';
import { run, start } from './command.js';
import { consumerName, Ledger } from './ledger.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

const messages = Number(process.env.REDRIVE_MESSAGES ?? 60);
const groups = Array.from({ length: messages >= 500 ? messages / 25 : 4 }, (_, g) => `group-${g}`);
/** More per group than SQS shows of one at a time, which is 10. */
const perGroup = messages / groups.length;
const inOrder = Object.fromEntries(
  groups.map((group) => [group, Array.from({ length: perGroup }, (_, n) => `${group}/${n}`)]),
);

/** A channel whose messages have all been dead-lettered by a consumer that could not process them. */
async function deadLettered(fifo: boolean): Promise<{ channel: Channel; ledger: Ledger }> {
  const [channel, ledger] = await Promise.all([newChannel(client, fifo), Ledger.open(dynamodb)]);
  await Promise.all(
    Object.entries(inOrder).map(async ([group, ids]) => {
      for (const id of ids)
        await send(client, channel, {
          MessageBody: JSON.stringify({ id, group }),
          MessageGroupId: group,
        });
    }),
  );
  await poll(
    client,
    channel,
    ledger.consumer(client, channel, () => true),
  );
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(messages);
  expect(await ledger.read()).toEqual({ logs: {}, effects: 0 });
  return { channel, ledger };
}

const about = ({ queueUrl }: Channel, ledger: Ledger, ...more: string[]) => [
  'redrive',
  ...['--consumer', consumerName, '--dedup-table', ledger.receipts.name, '--queue', queueUrl],
  ...['--receipt-retention', '86d', '--visibility', '3s', '--json', ...more],
];

interface Report {
  readonly redriven: number;
  readonly done: number;
  readonly copies: number;
  readonly left: number;
  readonly kept: readonly Record<string, string>[];
}
const reportOf = (stdout: string) => JSON.parse(stdout) as Report;

/** Starts a redrive, and kills it with SIGKILL when a third of the messages have left the dead-letter queue. */
async function killed(channel: Channel, ledger: Ledger): Promise<number> {
  const { child, ended } = start(about(channel, ledger, '--rate', String(messages / 3)));
  const left = () => count(client, channel.deadLetterQueueUrl);
  while (child.exitCode === null && (await left()) > (messages * 2) / 3);
  child.kill('SIGKILL');
  expect((await ended).status).toBeNull();
  expect(await left()).toBeGreaterThan(0);
  return await left();
}

/** Two redrives side by side, and the consumer with them. */
async function twins(channel: Channel, ledger: Ledger): Promise<void> {
  const both = [0, 1].map(() => start(about(channel, ledger, '--rate', '200')));
  let running = both.length;
  for (const { ended } of both) void ended.then(() => (running -= 1));
  await poll(client, channel, ledger.consumer(client, channel), () => running > 0);
  const ends = await Promise.all(both.map(({ ended }) => ended));
  expect(ends.map(({ status }) => status)).toEqual([0, 0]);
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(0);
}

describe('FIFO, after a fix', () => {
  test('each message is redriven once, and those of a group act in order', async () => {
    const { channel, ledger } = await deadLettered(true);
    const dry = reportOf((await run(...about(channel, ledger, '--dry-run'))).stdout);
    // SQS shows no more of a group while some of it are in flight.
    expect(dry.redriven).toBeGreaterThan(0);
    expect(dry.redriven + dry.left).toBe(messages);
    expect(await count(client, channel.queueUrl)).toBe(0);

    const { status, stdout } = await run(...about(channel, ledger, '--rate', '2000'));
    expect(reportOf(stdout)).toMatchObject({ redriven: messages, done: 0, kept: [], left: 0 });
    expect(status).toBe(0);
    expect(await count(client, channel.deadLetterQueueUrl)).toBe(0);
    await poll(client, channel, ledger.consumer(client, channel));
    expect(await ledger.read()).toEqual({ logs: inOrder, effects: messages });
  });

  test('killed half-way and started again, nothing is lost, doubled or overtaken', async () => {
    const { channel, ledger } = await deadLettered(true);
    const left = await killed(channel, ledger);
    const consumer = ledger.consumer(client, channel);
    await poll(client, channel, consumer);
    const { status, stdout } = await run(...about(channel, ledger, '--rate', '2000'));
    const { redriven, done, copies } = reportOf(stdout);
    expect(redriven + done + copies).toBe(left);
    expect(status).toBe(0);
    await poll(client, channel, consumer);
    expect(await ledger.read()).toEqual({ logs: inOrder, effects: messages });
  });

  test('two at once send nothing that acts twice, and keep the order', async () => {
    const { channel, ledger } = await deadLettered(true);
    await twins(channel, ledger);
    expect(await ledger.read()).toEqual({ logs: inOrder, effects: messages });
  });
});

test('Standard: killed half-way, then two at once, nothing is lost or doubled', async () => {
  const { channel, ledger } = await deadLettered(false);
  await killed(channel, ledger);
  await twins(channel, ledger);
  const { logs, effects } = await ledger.read();
  expect(effects).toBe(messages);
  expect(sortedLogs(logs)).toEqual(sortedLogs(inOrder));
});

function sortedLogs(logs: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(logs).map(([group, ids]) => [group, [...ids].sort()]));
}
