import { dynamo, newDedupTable } from '../fixtures/dynamo.js';
import { newOutboxTable } from '../fixtures/outbox-table.js';
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

async function world() {
  const [channel, other, ledger] = await Promise.all([
    newChannel(client, false),
    newChannel(client, false),
    Ledger.open(dynamodb),
  ]);
  for (const id of ['done', 'dead'])
    await send(client, channel, { MessageBody: JSON.stringify({ id, group: 'g' }) });
  await poll(
    client,
    channel,
    ledger.consumer(client, channel, (id) => id === 'dead'),
  );
  return { channel, other, table: ledger.receipts.name };
}

test.each([
  ...['groups', 'gaps', 'blocked', 'status'].map((name) => [name]),
  ['inspect', 'done'],
  ['resume', 'g', '--reason', 'x'],
])('a slip in the name of the consumer is no empty list that looks fine: %s', async (...command) => {
  const { table } = await world();
  const { status, stderr, stdout } = await run(...command, '--consumer', 'legder', '--dedup-table', table);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(
    `table '${table}' has no row of consumer 'legder', but of '${consumerName}': check --consumer and --dedup-table`,
  );
});

test('a table that is none of receipts is refused', async () => {
  const outbox = await newOutboxTable(dynamodb);
  const { status, stderr } = await run('groups', '--consumer', consumerName, '--dedup-table', outbox);
  expect(status).toBe(2);
  expect(stderr).toContain("has the key 'stream', 'version', a table of receipts has 'id'");
});

test('a new table says nothing of names, and refuses none', async () => {
  const { name } = await newDedupTable(dynamodb);
  expect(await run('groups', '--consumer', 'new', '--dedup-table', name)).toMatchObject({
    status: 0,
    stderr: '',
  });
});

test('two queues that do not belong together, or are the wrong way round, are refused, and nothing is sent', async () => {
  const { channel, other, table } = await world();
  const redrive = (queue: string, letters: string) =>
    run(
      ...['redrive', '--consumer', consumerName, '--dedup-table', table, '--receipt-retention', '86d'],
      ...['--queue', queue, '--dead-letter-queue', letters],
    );
  const foreign = await redrive(other.queueUrl, channel.deadLetterQueueUrl);
  expect(foreign).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('give that one, or leave out'),
  });
  const swapped = await redrive(channel.deadLetterQueueUrl, channel.queueUrl);
  expect(swapped).toMatchObject({ status: 2, stderr: expect.stringContaining('the wrong way round') });
  expect(await count(client, channel.deadLetterQueueUrl)).toBe(1);
  expect(await count(client, other.queueUrl)).toBe(0);
});
