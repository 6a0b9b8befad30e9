import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { keyHash } from '../../runtime/dedup/key-hash.js';
import { dynamo } from '../fixtures/dynamo.js';
import { sqs } from '../fixtures/queue.js';
import { count, newChannel, poll, send } from './channel.js';
import { run } from './command.js';
import { consumerName, Ledger } from './ledger.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

/** Messages of two groups, all of which are dead. */
async function dead(ids: readonly string[], fifo = false) {
  const [channel, ledger] = await Promise.all([newChannel(client, fifo), Ledger.open(dynamodb)]);
  for (const id of ids) {
    const [group = ''] = id.split('-');
    await send(client, channel, { MessageBody: JSON.stringify({ id, group }), MessageGroupId: group });
  }
  await poll(
    client,
    channel,
    ledger.consumer(client, channel, () => true),
  );
  const about = [
    ...['--consumer', consumerName, '--dedup-table', ledger.receipts.name],
    ...['--queue', channel.queueUrl, '--receipt-retention', '86d'],
  ];
  const consume = () => poll(client, channel, ledger.consumer(client, channel));
  const left = () => count(client, channel.deadLetterQueueUrl);
  return { channel, ledger, about, consume, left };
}

test('dead letters are listed with key, group and reason, and are there as before', async () => {
  const { about, left } = await dead(['red-1', 'red-2', 'blue-1']);
  const all = await run('dead-letters', 'list', ...about, '--json');
  expect(all.status).toBe(1);
  const { deadLetters, unseen } = JSON.parse(all.stdout) as { deadLetters: object[]; unseen: number };
  expect(unseen).toBe(0);
  expect(deadLetters).toHaveLength(3);
  expect(deadLetters).toContainEqual(
    expect.objectContaining({ key: 'red-1', group: 'red', reason: 'RejectMessage: not yet', redrives: 0 }),
  );
  const one = await run('dead-letters', 'list', ...about, '--key', 'red-2');
  expect(one.stdout).toMatch(
    /^MESSAGE +KEY +GROUP +KIND +AGE +ATTEMPTS +REDRIVES +REASON\n\S+ +red-2 .*not yet\n$/,
  );
  expect((await run('dead-letters', 'list', ...about, '--key', 'nobody')).stdout).toBe(
    "no dead letter of key 'nobody' was found\n",
  );
  expect(await left()).toBe(3);
});

test('what is discarded never acts, and who did it, when and why is kept without its key', async () => {
  const { about, consume, left, ledger } = await dead(['red-1', 'red-2', 'blue-1']);
  const discard = (...more: string[]) =>
    run('dead-letters', 'discard', ...about, '--reason', 'test data', '--by', 'ada', ...more);
  const dry = await discard('--group', 'red', '--dry-run');
  expect(dry.stdout).toMatch(/^would be: 2 dead letters of group 'red' thrown away\n/);
  expect(await left()).toBe(3);

  expect(await discard('--group', 'red')).toMatchObject({ status: 0, stderr: '' });
  expect(await left()).toBe(1);
  await run('redrive', ...about);
  await consume();
  expect(await ledger.read()).toEqual({ logs: { blue: ['blue-1'] }, effects: 1 });

  const kept = await run('dead-letters', 'list', ...about, '--discarded', '--json');
  const { discarded } = JSON.parse(kept.stdout) as { discarded: Record<string, string>[] };
  expect(discarded.map((one) => one.keyHash).sort()).toEqual([keyHash('red-1'), keyHash('red-2')].sort());
  expect(discarded[0]).toMatchObject({ by: 'ada', reason: 'test data', at: expect.any(String) });
  expect(kept.stdout).not.toContain('red-1');
});

test('a FIFO group of more than SQS shows at a time is discarded whole, and no other group', async () => {
  const ids = Array.from({ length: 14 }, (_, n) => `red-${n}`);
  const { about, left } = await dead([...ids, 'blue-1'], true);
  const discarded = await run('dead-letters', 'discard', ...about, '--group', 'red', '--reason', 'x');
  expect(discarded.stdout).toMatch(/^14 dead letters/);
  expect(await left()).toBe(1);
});

test.each([
  [['--reason', 'x'], 'which dead letters is not said: give --key, --group, --message or --all'],
  [['--all'], "required option '--reason <text>' not specified"],
])('discard %j throws nothing away', async (args, sentence) => {
  const { about, left } = await dead(['red-1']);
  const refused = await run('dead-letters', 'discard', ...about, ...args);
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining(sentence) });
  expect(await left()).toBe(1);
});

test("another consumer's dead letters are not thrown away", async () => {
  const { about, channel, left } = await dead(['red-1']);
  const letter = {
    ...{ reason: 'x', consumerName: 'other', key: 'k', stream: 'q', attempts: 1 },
    firstEnqueue: new Date().toISOString(),
  };
  await client.send(
    new SendMessageCommand({
      QueueUrl: channel.deadLetterQueueUrl,
      MessageBody: randomUUID(),
      MessageAttributes: { ExactlyOnce: { DataType: 'String', StringValue: JSON.stringify(letter) } },
    }),
  );
  const all = await run('dead-letters', 'discard', ...about, '--all', '--reason', 'x');
  expect(all.stdout).toMatch(/1 more belong to other consumers, and stay/);
  expect(await left()).toBe(1);
});

test('redrive sends what is asked for: one key, one group, so many; the rest stays', async () => {
  const { about, consume, left, ledger } = await dead(['red-1', 'red-2', 'blue-1', 'blue-2', 'green-1']);
  const redrive = (...more: string[]) => run('redrive', ...about, ...more);
  const dry = await redrive('--key', 'red-2', '--dry-run');
  expect(dry.stdout).toMatch(/^would be: 1 redriven/);
  expect(dry.stdout).toMatch(/ red-2 .* RejectMessage: not yet$/m);

  expect(await redrive('--key', 'red-2')).toMatchObject({ status: 0 });
  await consume();
  expect(await ledger.read()).toMatchObject({ logs: { red: ['red-2'] }, effects: 1 });
  expect(await redrive('--group', 'blue')).toMatchObject({ status: 0 });
  await consume();
  expect((await ledger.read()).effects).toBe(3);
  expect(await redrive('--limit', '1')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^1 redriven/),
  });
  expect(await left()).toBe(1);
  const none = await redrive('--key', 'nobody');
  expect(none).toMatchObject({
    status: 1,
    stdout: expect.stringContaining("no dead letter of key 'nobody'"),
  });
});
