import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { queueTarget } from '../../runtime/outbox/index.js';
import { embedded } from '../fixtures/embedded.js';
import { drain } from '../fixtures/queue.js';
import { newQueue } from '../outbox/outbox-world.js';
import { digits, inTime, Notebook, placeOf, streamOf, WrittenOutbox } from '../outbox/written-outbox.js';
import { run } from './command.js';
import { deployed, relayVariables } from './deployed.js';

const lambda = new LambdaClient(embedded().client);
afterAll(() => lambda.destroy());

let outbox: WrittenOutbox;
beforeEach(async () => {
  outbox = await WrittenOutbox.open();
});
afterEach(() => outbox.close());

const about = () => ['--outbox', outbox.table];
const sweep = (targets: Parameters<WrittenOutbox['relay']>[0]) =>
  outbox.relay(targets, { graceSeconds: 0 })({}, inTime);
const hours = (count: number) => Date.now() - count * 3_600_000;
/** The events are older than the grace of nothing. */
const older = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Aggregates and versions that a queue holds, in the order in which it gives them. */
async function placesIn(queueUrl: string): Promise<string[]> {
  return (await drain(outbox.queues, queueUrl)).map(({ Body = '' }) => placeOf(Body));
}

interface Report {
  readonly streams: number;
  readonly events: number;
  readonly nothing: number;
  readonly cut: readonly { readonly stream: string; readonly oldest: string }[];
}
const reportOf = (stdout: string) => JSON.parse(stdout) as Report;

test.each([true, false])(
  'R54: a late target is sent everything that is kept, in order, with one command, and no other target anything (FIFO: %s)',
  async (fifo) => {
    const [early, late] = await Promise.all([newQueue(outbox.queues, fifo), newQueue(outbox.queues, fifo)]);
    const target = (queueUrl: string) => queueTarget({ queueUrl, client: outbox.queues });
    await outbox.write(['ann', 'bob', 'ann', 'ann', 'bob']);
    await older();
    await sweep([target(early)]);
    expect(await placesIn(early)).toHaveLength(5);
    const relay = await deployed(lambda, relayVariables(outbox.table, [early, late]));

    const name = late.split('/').at(-1) ?? '';
    const resend = ['outbox', 'resend', '--function', relay, '--all', '--target', name, '--json'];
    const dry = await run(...resend, '--dry-run');
    expect(reportOf(dry.stdout)).toMatchObject({ streams: 2, events: 5, cut: [] });
    expect(await outbox.stuck()).toEqual([]);

    expect(await run(...resend)).toMatchObject({ status: 0 });
    await sweep([target(early), target(late)]);
    const sent = await placesIn(late);
    expect(sent.filter((place) => place.startsWith('ann'))).toEqual(['ann 1', 'ann 2', 'ann 3']);
    expect(sent.filter((place) => place.startsWith('bob'))).toEqual(['bob 1', 'bob 2']);
    expect(await placesIn(early)).toEqual([]);
    expect(await outbox.stuck()).toEqual([]);
  },
);

test('a FIFO queue that remembers the first send takes the second one', async () => {
  const queueUrl = await newQueue(outbox.queues, true);
  const targets = [queueTarget({ queueUrl, client: outbox.queues })];
  await outbox.write(['ann', 'ann']);
  await older();
  await sweep(targets);
  expect(await placesIn(queueUrl)).toEqual(['ann 1', 'ann 2']);
  for (let round = 0; round < 2; round += 1) {
    expect(await run('outbox', 'resend', ...about(), '--stream', streamOf('ann'))).toMatchObject({
      status: 0,
    });
    await sweep(targets);
    expect(await placesIn(queueUrl)).toEqual(['ann 1', 'ann 2']);
  }
});

test('--since begins each stream at its first event since then, and passes by the others', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann', 'bob', 'cid'], { at: hours(5) });
  await outbox.write(['ann', 'bob'], { at: hours(2) });
  await outbox.write(['ann'], { at: hours(1) });
  await sweep([notebook]);
  notebook.calls.length = 0;
  notebook.events.length = 0;
  const { status, stdout } = await run('outbox', 'resend', ...about(), '--since', '3h', '--json');
  expect(status).toBe(0);
  expect(reportOf(stdout)).toMatchObject({ streams: 2, events: 3, nothing: 1 });
  await sweep([notebook]);
  expect(notebook.events.map(({ event }) => placeOf(event)).sort()).toEqual(['ann 2', 'ann 3', 'bob 2']);
});

test('an event that was committed before and sent after the moment is found, where the retention is known', async () => {
  const queueUrl = await newQueue(outbox.queues, false);
  await outbox.write(['ann', 'ann'], { at: hours(5) });
  await sweep([queueTarget({ queueUrl, client: outbox.queues })]);
  const relay = await deployed(lambda, relayVariables(outbox.table, [queueUrl]));
  const since = ['--since', '1h', '--dry-run', '--json'];
  const byTable = await run('outbox', 'resend', ...about(), ...since);
  expect(reportOf(byTable.stdout)).toMatchObject({ streams: 0, nothing: 1 });
  const byRelay = await run('outbox', 'resend', '--function', relay, ...since);
  expect(reportOf(byRelay.stdout)).toMatchObject({ streams: 1, events: 2 });
});

test('so is the first event of a stream, and one whose mark was lost, which nothing tells when it was sent', async () => {
  const queueUrl = await newQueue(outbox.queues, false);
  await outbox.write(['ann', 'bob', 'bob', 'cid', 'cid', 'cid'], { at: hours(5) });
  await sweep([queueTarget({ queueUrl, client: outbox.queues })]);
  const mark = { stream: { S: streamOf('cid') }, version: { S: digits(1) } };
  await outbox.client.send(
    new UpdateItemCommand({
      TableName: outbox.table,
      Key: mark,
      UpdateExpression: 'REMOVE expiration, sent',
    }),
  );
  const relay = await deployed(lambda, relayVariables(outbox.table, [queueUrl]));
  const resend = ['outbox', 'resend', '--function', relay, '--dry-run', '--json'];
  const since = await run(...resend, '--since', '1h');
  expect(reportOf(since.stdout)).toMatchObject({ streams: 3, events: 6, nothing: 0 });
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  const later = await run(...resend, '--since', '1s');
  expect(reportOf(later.stdout)).toMatchObject({ streams: 0, events: 0, nothing: 3 });
});

test('streams whose first events are past the retention are said', async () => {
  await outbox.write(['ann', 'ann', 'bob']);
  await older();
  await sweep([new Notebook('n')]);
  const expired = { stream: { S: streamOf('ann') }, version: { S: digits(1) } };
  await outbox.client.send(new DeleteItemCommand({ TableName: outbox.table, Key: expired }));
  const { status, stdout } = await run('outbox', 'resend', ...about(), '--all');
  expect(status).toBe(1);
  expect(stdout).toMatch(/^2 streams with 2 events are sent again/);
  expect(stdout).toContain(`  ${streamOf('ann')} begins with version 2\n`);
});

test('rows of the first release, which are not sent any more, hold up nothing that is behind them', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann', 'ann']);
  await outbox.client.send(
    new UpdateItemCommand({
      TableName: outbox.table,
      Key: { stream: { S: streamOf('ann') }, version: { S: digits(1) } },
      UpdateExpression: 'SET v = :v, sentAt = :at, event = :event REMOVE #data',
      ExpressionAttributeNames: { '#data': 'data' },
      ExpressionAttributeValues: { ':v': { N: '1' }, ':at': { N: '1' }, ':event': { S: '{}' } },
    }),
  );
  const { status, stdout } = await run('outbox', 'resend', ...about(), '--all', '--json');
  expect(status).toBe(1);
  expect(reportOf(stdout)).toMatchObject({ streams: 1, events: 1, cut: [{ oldest: '2' }] });
  await older();
  await sweep([notebook]);
  expect(notebook.taken).toEqual(['ann 2']);
  expect(await outbox.stuck()).toEqual([]);
});

/** Target `picky` never takes `ann 2`; `other` takes everything. */
async function stuck() {
  const [picky, other] = [new Notebook('picky'), new Notebook('other')];
  // A queue takes nothing behind what it refuses of one group.
  picky.refuses = (place) => ['ann 2', 'ann 3'].includes(place);
  await outbox.write(['ann', 'ann', 'ann', 'bob']);
  await older();
  await sweep([picky, other]);
  expect(await outbox.stuckEntry('ann')).toBeDefined();
  return { picky, other };
}

test('a stuck stream is listed with target, version and reason; skipped, it goes on behind that event', async () => {
  const { picky, other } = await stuck();
  const listed = await run('outbox', 'list', ...about(), '--json');
  expect(listed.status).toBe(1);
  const { streams } = JSON.parse(listed.stdout) as { streams: { stream: string; next: object }[] };
  expect(streams).toMatchObject([{ stream: streamOf('ann'), next: { picky: '2' }, resend: false }]);

  const skip = [
    'outbox',
    'skip',
    ...about(),
    '--stream',
    streamOf('ann'),
    '--reason',
    'too big',
    '--by',
    'ada',
  ];
  const dry = await run(...skip, '--dry-run');
  expect(dry.stdout).toMatch(/^would be: version 2 of .* is passed over for picky\n/);
  expect(await run(...skip)).toMatchObject({ status: 0, stderr: '' });
  picky.refuses = (place) => place === 'ann 2';
  await sweep([picky, other]);
  expect(picky.taken.filter((place) => place.startsWith('ann'))).toEqual(['ann 1', 'ann 3']);
  expect(other.taken.filter((place) => place.startsWith('ann'))).toEqual(['ann 1', 'ann 2', 'ann 3']);
  expect((await run('outbox', 'list', ...about())).status).toBe(0);
  const row = (await outbox.rows()).find(
    ({ stream, version }) => stream?.S === streamOf('ann') && version?.S === digits(2),
  );
  expect(row?.skipped?.L?.[0]?.M).toMatchObject({
    targets: { L: [{ S: 'picky' }] },
    reason: { S: 'too big' },
    by: { S: 'ada' },
  });
});

test.each([
  [() => ['--stream', streamOf('ann'), '--version', '3'], "nobody is stuck at version '3'"],
  [() => ['--stream', streamOf('bob')], 'is listed as stuck'],
  [() => ['--stream', streamOf('ann'), '--target', 'picky'], 'the targets are not known'],
])('skip loses nothing by a slip of the hand: %#', async (args, sentence) => {
  const { picky, other } = await stuck();
  const refused = await run('outbox', 'skip', ...about(), ...args(), '--reason', 'x');
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining(sentence) });
  picky.refuses = () => false;
  await outbox.relay([picky, other])({}, inTime);
  expect((await outbox.stuckEntry('ann'))?.next.get('picky')).not.toBe(3n);
});

test.each([
  [['resend'], 'what is to be sent again is not said'],
  [['resend', '--stream', '["no","such","stream"]'], 'has no stream ["no","such","stream"]'],
  [['resend', '--since', 'yesterday'], 'Allowed are times before now'],
  [['resend', '--since', '2026-02-30T00:00:00Z'], 'Allowed are times before now'],
  [['resend', '--since', '2026-04-31T23:59+02:00'], 'Allowed are times before now'],
  [['resend', '--all', '--target', 'x'], 'the targets are not known'],
])('outbox %j ends with 2 and one sentence', async (args, sentence) => {
  const refused = await run('outbox', ...args, ...about());
  expect(refused).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(sentence) });
});

test('a target that the relay does not have, and a table that is no outbox, are refused', async () => {
  const relay = await deployed(lambda, relayVariables(outbox.table, [await newQueue(outbox.queues, false)]));
  const target = await run('outbox', 'resend', '--function', relay, '--all', '--target', 'nobody');
  expect(target).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--target 'nobody' names 0 targets"),
  });
  const none = await run('outbox', 'list', '--outbox', 'no-such-table');
  expect(none).toMatchObject({ status: 2, stderr: expect.stringContaining('check the name of the table') });
});
