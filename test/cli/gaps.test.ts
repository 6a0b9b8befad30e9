import * as z from 'zod/mini';
import { sqsAggregateConsumer } from '../../runtime/sqs/index.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { sqs } from '../fixtures/queue.js';
import { newChannel, poll, send } from './channel.js';
import { run } from './command.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});

const consumerName = 'accounts';
const Event = z.object({ account: z.string(), version: z.string() });

/** A consumer of numbered events, and what an operator sees of it. */
async function world(fifo: boolean, name = consumerName) {
  const [channel, receipts, accounts] = await Promise.all([
    newChannel(client, fifo),
    newDedupTable(dynamodb),
    newTable(dynamodb, 'name'),
  ]);
  const consumer = () =>
    sqsAggregateConsumer<typeof Event, { versions: readonly string[] }>({
      settings: {
        consumerName: name,
        dedupTable: receipts.name,
        receiptRetentionSeconds: 3600,
        deadLetterQueueUrl: channel.deadLetterQueueUrl,
      },
      schema: Event,
      table: accounts,
      aggregate: ({ body }) => ({ name: body.account }),
      version: ({ body }) => ({ source: 'bank', version: body.version }),
      reduce: (state, { body }) => ({ versions: [...(state?.versions ?? []), body.version] }),
      gapTimeoutSeconds: 0,
      dynamodb,
      sqs: client,
      observe: () => undefined,
    });
  const about = ['--consumer', name, '--dedup-table', receipts.name, '--queue', channel.queueUrl];
  const lines: Record<string, unknown>[] = [];
  return {
    about,
    channel,
    lines,
    send: async (account: string, ...versions: readonly string[]) => {
      for (const version of versions)
        await send(client, channel, {
          MessageBody: JSON.stringify({ account, version }),
          MessageGroupId: account,
        });
      const stdout = jest.spyOn(process.stdout, 'write').mockImplementation((line) => {
        lines.push(JSON.parse(String(line)) as Record<string, unknown>);
        return true;
      });
      await poll(client, channel, consumer());
      stdout.mockRestore();
    },
    versions: async (account: string) => (await row(dynamodb, accounts, { name: account }))?.versions,
  };
}

test.each([true, false])(
  'R53: a version that never comes is listed, logged once, skipped by an operator, and the stream goes on (FIFO: %s)',
  async (fifo) => {
    const { about, lines, send, versions } = await world(fifo);
    await send('a', '1', '3');
    await send('a', '4');
    expect(await versions('a')).toEqual(['1']);
    const gaps = lines.filter(({ exactlyOnce }) => exactlyOnce === 'gap');
    expect(gaps).toEqual([
      { exactlyOnce: 'gap', consumer: consumerName, sequence: '2', streamHash: expect.any(String) as string },
    ]);

    const listed = await run('gaps', ...about);
    expect(listed.status).toBe(1);
    expect(listed.stdout).toMatch(/^MISSING +NEXT +FOR +STREAM\n2 +3 +\S+ +\S+\n$/);

    const dry = await run('skip-version', '2', ...about, '--dry-run');
    expect(dry.stdout).toMatch(/^would be: 'accounts' is told to go on behind version 2 of /);
    await send('b');
    expect(await versions('a')).toEqual(['1']);

    expect(await run('skip-version', '2', ...about)).toMatchObject({ status: 0, stderr: '' });
    await send('b', '1');
    expect(await versions('a')).toEqual(['1', '3', '4']);
    expect(await run('gaps', ...about)).toMatchObject({
      status: 0,
      stdout: `no version is missing for '${consumerName}'\n`,
    });

    // It comes after all, and again: it acts once, as any hole does.
    await send('a', '2');
    await send('a', '2', '5');
    expect(await versions('a')).toEqual(['1', '3', '4', '2', '5']);
  },
);

test('a nudge that comes twice, or after the version itself, changes nothing', async () => {
  const { about, send, versions } = await world(true);
  await send('a', '1', '3');
  await run('skip-version', '2', ...about);
  await run('skip-version', '2', ...about);
  await send('a', '2');
  expect(await versions('a')).toEqual(['1', '2', '3']);
  await send('a', '4');
  expect(await versions('a')).toEqual(['1', '2', '3', '4']);
});

test('a wrong --queue is caught: that of dead letters at once, that of another consumer by the consumer', async () => {
  const [mine, others] = [await world(true), await world(true, 'statements')];
  for (const one of [mine, others]) await one.send('a', '1', '3');
  const told = (queue: string) => run('skip-version', '2', ...mine.about.slice(0, 4), '--queue', queue);
  const letters = await told(mine.channel.deadLetterQueueUrl);
  expect(letters.status).toBe(2);
  expect(letters.stderr).toMatch(
    /has no redrive policy, as a queue of dead letters has none: give the queue that the consumer reads/,
  );
  await told(others.channel.queueUrl);
  for (const one of [mine, others]) await one.send('b', '1');
  expect(JSON.stringify(others.lines)).toContain('a version is not passed over');
  expect([await mine.versions('a'), await others.versions('a')]).toEqual([['1'], ['1']]);
  await told(mine.channel.queueUrl);
  await mine.send('b', '2');
  expect(await mine.versions('a')).toEqual(['1', '3']);
});

test('only what is listed can be skipped, and a version that several streams miss needs its stream', async () => {
  const { about, send, versions } = await world(true);
  await send('a', '1', '3');
  await send('b', '1', '3');
  const waiting = await run('skip-version', '3', ...about);
  expect(waiting).toMatchObject({
    status: 2,
    stderr: `could not run: no missing version '3' of '${consumerName}' is listed: see the command gaps\n`,
  });
  const ambiguous = await run('skip-version', '2', ...about);
  expect(ambiguous.stderr).toMatch(/2 streams miss version '2': give one of them as --stream/);
  const { stdout } = await run('gaps', ...about, '--json');
  const { gaps } = JSON.parse(stdout) as { gaps: { stream: string }[] };
  const ofB = gaps.find(({ stream }) => stream.includes('S:b'))?.stream ?? '';
  expect((await run('skip-version', '2', ...about, '--stream', ofB)).status).toBe(0);
  await send('c', '1');
  expect([await versions('a'), await versions('b')]).toEqual([['1'], ['1', '3']]);
});
