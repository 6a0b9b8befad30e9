import { dynamo } from '../fixtures/dynamo.js';
import { listGroups } from '../../runtime/dynamodb/groups.js';
import { resumeGroup } from '../../runtime/sqs/decide.js';
import { sqs } from '../fixtures/queue.js';
import { newChannel, poll, send, type Channel } from './channel.js';
import { run } from './command.js';
import { consumerName, Ledger } from './ledger.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

/** Two groups of three messages; the second one of these groups fails for good and stops it. */
async function stopped(...broken: readonly string[]) {
  const [channel, ledger] = await Promise.all([newChannel(client, true), Ledger.open(dynamodb)]);
  for (const group of ['red', 'blue'])
    for (const n of [1, 2, 3])
      await send(client, channel, {
        MessageBody: JSON.stringify({ id: `${group}-${n}`, group }),
        MessageGroupId: group,
      });
  const about = ['--consumer', consumerName, '--dedup-table', ledger.receipts.name];
  const consume = (broken?: (id: string) => boolean) =>
    poll(client, channel, ledger.consumer(client, channel, broken, 'stop'));
  await consume((id) => broken.some((group) => id === `${group}-2`));
  return { channel, ledger, about, consume };
}

const redrive = ({ queueUrl, deadLetterQueueUrl }: Channel, about: readonly string[]) =>
  run(
    'redrive',
    ...[...about, '--queue', queueUrl, '--dead-letter-queue', deadLetterQueueUrl, '--horizon', '1d'],
  );

test('a stopped group is listed with what it stopped at and what waits, until it is resumed', async () => {
  const { ledger, about, consume } = await stopped('red');
  expect((await ledger.read()).logs).toEqual({ red: ['red-1'], blue: ['blue-1', 'blue-2', 'blue-3'] });
  const table = await run('groups', ...about);
  expect(table.status).toBe(1);
  const [heading = '', row = '', ...rest] = table.stdout.split('\n');
  expect(heading).toMatch(/^GROUP +STATE +WAITING +FOR +OLDEST +KEY +REASON$/);
  expect(row).toMatch(/^red +stopped +2 +\S+ +\S+ +red-2 +RejectMessage: not yet$/);
  expect(rest).toEqual(['']);

  const resumed = await run('resume', 'red', ...about, '--reason', 'fixed in 1.4.2', '--json');
  expect(resumed).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(resumed.stdout)).toMatchObject({ state: 'resuming', decision: 'fixed in 1.4.2' });
  await consume();
  expect((await ledger.read()).logs['red']).toEqual(['red-1', 'red-2', 'red-3']);
  const none = await run('groups', ...about);
  expect(none).toMatchObject({ status: 0, stdout: `no group of '${consumerName}' stands still\n` });
});

test('what is skipped is listed, and acts once when it is redriven', async () => {
  const { channel, ledger, about, consume } = await stopped('red');
  const skipped = await run('skip', 'red', ...about, '--reason', 'order was cancelled');
  expect(skipped.stdout).toBe(`group 'red' of '${consumerName}' goes on behind 'red-2': skipping\n`);
  await consume();
  expect((await ledger.read()).logs['red']).toEqual(['red-1', 'red-3']);
  const { stdout, status } = await run('groups', ...about);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^passed over, and not done since:$/m);
  expect(stdout).toMatch(/^red-2 .* RejectMessage: not yet +order was cancelled$/m);

  expect((await redrive(channel, about)).stdout).toMatch(/^1 redriven/);
  await consume();
  expect((await ledger.read()).logs['red']).toEqual(['red-1', 'red-3', 'red-2']);
  expect((await run('groups', ...about)).stdout).not.toContain('passed over');
});

test('all groups are resumed with one command, and none when it is run dry', async () => {
  const { ledger, about, consume } = await stopped('red', 'blue');
  const all = ['resume', '--all', ...about, '--reason', 'fixed'];
  const dry = await run(...all, '--dry-run');
  expect(dry.status).toBe(0);
  expect(dry.stdout).toMatch(
    /^would be: group 'red' of 'ledger' is tried again from 'red-2': stopped, 2 wait$/m,
  );
  await consume();
  expect((await ledger.read()).logs).toEqual({ red: ['red-1'], blue: ['blue-1'] });

  const resumed = await run(...all, '--json');
  expect(resumed).toMatchObject({ status: 0, stderr: '' });
  expect((JSON.parse(resumed.stdout) as { decided: object[] }).decided).toHaveLength(2);
  await consume();
  expect((await ledger.read()).logs).toEqual({
    red: ['red-1', 'red-2', 'red-3'],
    blue: ['blue-1', 'blue-2', 'blue-3'],
  });
  expect((await run(...all)).stdout).toBe("no group of 'ledger' stands still\n");
});

test('a resume of all that died before it told the consumer is made good by the next one', async () => {
  const { ledger, about, consume } = await stopped('red', 'blue');
  const table = { client: dynamodb, tableName: ledger.receipts.name };
  const mute = Object.assign(Object.create(client) as typeof client, {
    send: () => Promise.reject(new Error('killed')),
  });
  for await (const { stream } of listGroups(table, consumerName))
    await expect(resumeGroup(table, mute, { consumerName, stream, reason: 'x' })).rejects.toThrow('killed');
  await consume();
  expect((await ledger.read()).logs).toEqual({ red: ['red-1'], blue: ['blue-1'] });
  const resumed = await run('resume', '--all', ...about, '--reason', 'fixed', '--json');
  expect((JSON.parse(resumed.stdout) as { decided: object[] }).decided).toHaveLength(2);
  await consume();
  expect((await ledger.read()).logs['blue']).toEqual(['blue-1', 'blue-2', 'blue-3']);
});

test('what is decided about otherwise already is refused, run dry or not', async () => {
  const { about } = await stopped('red');
  await run('resume', 'red', ...about, '--reason', 'fixed');
  for (const dry of [['--dry-run'], []])
    expect(await run('skip', 'red', ...about, '--reason', 'x', ...dry)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining("its state is 'resuming'"),
    });
});

test('a skip that is run dry skips nothing', async () => {
  const { ledger, about, consume } = await stopped('red');
  const dry = await run('skip', 'red', ...about, '--reason', 'x', '--dry-run');
  expect(dry.stdout).toMatch(/^would be: group 'red' .* goes on behind 'red-2'/);
  await consume();
  expect((await ledger.read()).logs['red']).toEqual(['red-1']);
});

test.each([[[]], [['red', '--all']]])('resume %j does not guess which group is meant', async (which) => {
  const { about } = await stopped('red');
  const refused = await run('resume', ...which, ...about, '--reason', 'x');
  expect(refused).toMatchObject({
    status: 2,
    stderr: 'could not run: which group is not said: give its name, or --all\n',
  });
});

test('a group that flows can neither be resumed nor skipped', async () => {
  const { about } = await stopped('red');
  for (const command of ['resume', 'skip']) {
    const { status, stderr } = await run(command, 'blue', ...about, '--reason', 'why not');
    expect(stderr).toBe(
      `could not run: no group 'blue' of '${consumerName}' stands still: see the command groups\n`,
    );
    expect(status).toBe(2);
  }
});
