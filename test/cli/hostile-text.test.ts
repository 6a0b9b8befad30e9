import type { SQSClient } from '@aws-sdk/client-sqs';
import { dynamo } from '../fixtures/dynamo.js';
import { sqs } from '../fixtures/queue.js';
import { newChannel, poll, send } from './channel.js';
import { run } from './command.js';
import { consumerName, Ledger } from './ledger.js';

const client: SQSClient = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

/** Clears a screen in both ways, and begins a line that looks like one of ours. */
const hostile = 'red-1\u001b[2J\u009b2J\u0007\ngroup safe is resumed';

test('no command lets a key rewrite what a terminal shows, in tables, sentences, errors and JSON', async () => {
  const [channel, ledger] = await Promise.all([newChannel(client, true), Ledger.open(dynamodb)]);
  for (const group of ['red', 'blue'])
    await send(client, channel, {
      MessageBody: JSON.stringify({ id: hostile, group }),
      MessageGroupId: group,
    });
  await poll(
    client,
    channel,
    ledger.consumer(client, channel, () => true, 'stop'),
  );
  const about = ['--consumer', consumerName, '--dedup-table', ledger.receipts.name];
  const reason = ['--reason', 'because'];
  const ended = [
    await run('groups', ...about),
    await run('groups', ...about, '--json'),
    await run('status', ...about, '--queue', channel.queueUrl),
    await run('inspect', hostile, ...about),
    await run('resume', hostile, ...about, ...reason),
    await run('skip', 'red', ...about, ...reason, '--dry-run'),
    await run('skip', 'red', ...about, ...reason),
    await run('resume', '--all', ...about, ...reason, '--json'),
    await run('dead-letters', 'list', ...about, '--discarded', '--key', hostile),
  ];
  for (const { stdout, stderr } of ended) {
    expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]/u);
    expect(stdout).not.toMatch(/^group safe/m);
  }
  // What is escaped is what it was to whoever reads JSON.
  const { groups } = JSON.parse(ended[1]?.stdout ?? '') as { groups: { head: { key: string } }[] };
  expect(groups.map(({ head }) => head.key)).toContain(hostile);
});

test.each([
  'postgres://ada:secret@host/db',
  'postgres://ada:se@secret@host/db',
  'postgres://ada:se/secret@host/db',
  'postgres://ada:se?secret@host/db',
  'postgres://host/db?user=ada&password=secret',
  'mysql://ada:secret@host/db',
])('a store that names no table is told without its password: %s', async (store) => {
  const compared = ['--key', 'id', '--columns', 'amount', '--sink', 's3://b/p'];
  const { status, stdout, stderr } = await run('audit', '--source', store, ...compared);
  expect(status).toBe(2);
  expect(stderr).toMatch(/names no (table|store)/);
  expect(stdout + stderr).not.toContain('secret');
});
