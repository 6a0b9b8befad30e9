import { dynamo } from '../fixtures/dynamo.js';
import { sqs } from '../fixtures/queue.js';
import { newChannel, poll, send } from './channel.js';
import { run } from './command.js';
import { consumerName, Ledger } from './ledger.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

test('a consumer that is named without its table is not fine: what was not asked is said, with the option to give', async () => {
  const [channel, ledger] = await Promise.all([newChannel(client, true), Ledger.open(dynamodb)]);
  await send(client, channel, {
    MessageBody: JSON.stringify({ id: 'red-1', group: 'red' }),
    MessageGroupId: 'red',
  });
  await poll(
    client,
    channel,
    ledger.consumer(client, channel, () => true, 'stop'),
  );
  const about = ['--consumer', consumerName, '--queue', channel.queueUrl];
  const { queueUrl: quiet } = await newChannel(client, true);
  for (const more of [[], ['--jobs'], ['--queue', quiet]]) {
    const text = await run('status', ...about, ...more);
    expect(text.status).toBe(1);
    expect(text.stdout).toMatch(/not known:\n.*stopped groups.*'ledger'.*: .*give --dedup-table/);
    expect(text.stdout.includes('silent jobs')).toBe(more.includes('--jobs'));
    expect(text.stdout).not.toMatch(/^nothing needs a person/m);
  }
  const whole = await run('status', ...about, '--dedup-table', ledger.receipts.name, '--json');
  expect(JSON.parse(whole.stdout)).toMatchObject({ fine: false, notKnown: [] });
});

test.each([
  ['--dedup-table', 'x'],
  ['--queue', 'x'],
  ['--dead-letter-queue', 'x'],
  ['--jobs'],
  ['--function', 'f', '--dedup-table', 'x'],
  ['--outbox', 'o', '--queue', 'x'],
])('status %s %s is not a page of something else', async (...options) => {
  expect(await run('status', ...options)).toEqual({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('give --consumer with') as string,
  });
});
