import { randomUUID } from 'node:crypto';
import { PutItemCommand, UpdateItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { openJobsOf } from '../../runtime/jobs/dynamo-job-row.js';
import { stuckKey, type StuckStream } from '../../runtime/outbox/stuck-stream.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { sqs } from '../fixtures/queue.js';
import { inTime, Notebook, WrittenOutbox } from '../outbox/written-outbox.js';
import { newChannel, poll, send } from './channel.js';
import { run } from './command.js';
import { DenyingProxy } from './denying-proxy.js';
import { deployed, relayVariables } from './deployed.js';
import { consumerName, Ledger } from './ledger.js';

const client = sqs();
const dynamodb = dynamo();
const lambda = new LambdaClient(embedded().client);
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
  lambda.destroy();
});

interface Line {
  readonly of: string;
  readonly what: string;
  readonly count?: number;
  readonly since?: string;
  readonly needsPerson: boolean;
  readonly details: readonly { readonly what: string; readonly reason: string }[];
}
interface Page {
  readonly fine: boolean;
  readonly lines: readonly Line[];
  readonly notKnown: readonly string[];
}
const pageOf = (stdout: string) => JSON.parse(stdout) as Page;
/** Of all parts together. */
const counts = ({ lines }: Page) => {
  const sums: Record<string, number | string> = {};
  for (const { what, count = 'not known' } of lines)
    sums[what] = typeof count === 'number' ? Number(sums[what] ?? 0) + count : count;
  return sums;
};
const minutesAgo = (minutes: number) => Date.now() - minutes * 60_000;

/** A consumer, an outbox with its relay, and a producer of jobs, deployed under one prefix. */
async function world() {
  const prefix = `s${randomUUID().slice(0, 8)}`;
  const [channel, jobQueue, ledger, outbox] = await Promise.all([
    newChannel(client, true),
    newChannel(client, false),
    Ledger.open(dynamodb),
    WrittenOutbox.open(),
  ]);
  const dedupTable = ledger.receipts.name;
  await deployed(
    lambda,
    {
      EXACTLY_ONCE_CONSUMER_NAME: consumerName,
      EXACTLY_ONCE_DEDUP_TABLE: dedupTable,
      EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '86400',
      EXACTLY_ONCE_QUEUE_URL: channel.queueUrl,
      EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: channel.deadLetterQueueUrl,
    },
    prefix,
  );
  await deployed(lambda, relayVariables(outbox.table, [channel.queueUrl]), prefix);
  const jobs = {
    EXACTLY_ONCE_JOBS_CONSUMER_NAME: 'reports',
    EXACTLY_ONCE_JOBS_DEDUP_TABLE: dedupTable,
    EXACTLY_ONCE_JOBS_QUEUE_URL: jobQueue.queueUrl,
  };
  await deployed(lambda, jobs, prefix);
  // The sweep writes ticks, and the table's stream brings them back.
  const relay = outbox.relay([new Notebook('n')]);
  await relay({}, inTime);
  await relay({ Records: await outbox.inserted() }, inTime);
  const status = (...more: string[]) => run('status', '--prefix', prefix, '--json', ...more);
  return { prefix, channel, ledger, outbox, dedupTable, relay, status };
}

async function put(tableName: string, item: Record<string, AttributeValue>): Promise<void> {
  await dynamodb.send(new PutItemCommand({ TableName: tableName, Item: item }));
}

test('all is well: everything was looked at, and nothing needs a person', async () => {
  const { prefix, status, outbox } = await world();
  const { status: code, stdout } = await status();
  const page = pageOf(stdout);
  expect(page).toMatchObject({ fine: true, notKnown: [] });
  expect(counts(page)).toEqual({
    ...{ 'stopped groups': 0, 'parked events': 0, gaps: 0, 'blocked effects': 0, 'dead letters': 0 },
    ...{ 'silent jobs': 0, 'stuck streams': 0, 'oldest unsent': 0, 'silent relay': 0 },
  });
  expect(code).toBe(0);
  expect((await run('status', '--prefix', prefix)).stdout).toMatch(/\n\nnothing needs a person\n$/);
  outbox.close();
});

test('one page says what stands, waits, is blocked, silent, dead or stuck, since when, and what mends it', async () => {
  const { prefix, channel, ledger, outbox, dedupTable, status } = await world();
  for (const n of [1, 2, 3])
    await send(client, channel, {
      MessageBody: JSON.stringify({ id: `red-${n}`, group: 'red' }),
      MessageGroupId: 'red',
    });
  await poll(
    client,
    channel,
    ledger.consumer(client, channel, (id) => id === 'red-1', 'stop'),
  );
  const since = { S: new Date(minutesAgo(30)).toISOString() };
  await put(dedupTable, {
    ...{ id: { S: `${consumerName}!gap#x` }, attention: { S: `${consumerName}!gaps` }, since },
    ...{ stream: { S: 'stream-of-gap' }, sequence: { S: '7' }, waiting: { S: '9' } },
  });
  await put(dedupTable, {
    ...{ id: { S: `${consumerName}!once#mail#k` }, attention: { S: `${consumerName}!effects` }, since },
    reason: { S: 'timeout' },
  });
  const job = (id: string, status: string, at: Record<string, AttributeValue>) =>
    put(dedupTable, {
      ...{ id: { S: `reports!job#${id}` }, status: { S: status }, v: { N: '1' }, since, ...at },
      ...(status === 'COMPLETED' ? {} : { attention: { S: openJobsOf('reports', id) } }),
    });
  const ms = (minutes: number) => ({ N: String(minutesAgo(minutes)) });
  await job('silent', 'INPROGRESS', { in_progress_expiration: ms(20) });
  await job('late', 'QUEUED', { runAt: ms(20) });
  await job('busy', 'INPROGRESS', { in_progress_expiration: ms(-1) });
  await job('young', 'QUEUED', { runAt: ms(1) });
  await job('done', 'COMPLETED', { runAt: ms(90) });
  const picky = new Notebook('picky');
  picky.refuses = () => true;
  await outbox.write(['ann'], { at: minutesAgo(40) });
  await outbox.relay([picky], { graceSeconds: 0 })({}, inTime);
  await listedFor((await outbox.stuckEntry('ann'))!, outbox.table, 20);

  const { status: code, stdout } = await status();
  expect(code).toBe(1);
  const page = pageOf(stdout);
  expect(counts(page)).toEqual({
    ...{ 'stopped groups': 1, 'parked events': 3, gaps: 1, 'blocked effects': 1, 'dead letters': 1 },
    ...{ 'silent jobs': 2, 'stuck streams': 1, 'oldest unsent': 1, 'silent relay': 0 },
  });
  const line = (name: string) => page.lines.find(({ what }) => what === name)!;
  const needing = page.lines.filter(({ needsPerson }) => needsPerson).map(({ of, what }) => `${of}: ${what}`);
  expect(needing).toEqual([
    ...['stopped groups', 'parked events', 'gaps', 'blocked effects', 'dead letters'].map(
      (what) => `${consumerName}: ${what}`,
    ),
    'reports: silent jobs',
    ...['stuck streams', 'oldest unsent'].map((what) => `${outbox.table}: ${what}`),
  ]);
  expect(
    line('silent jobs')
      .details.map(({ what }) => what)
      .sort(),
  ).toEqual(['late (not-begun)', 'silent (worker-silent)']);
  expect(line('stuck streams').details[0]).toMatchObject({
    what: expect.stringContaining('every target: 1'),
  });
  expect(Date.parse(line('oldest unsent').since!)).toBeLessThan(minutesAgo(39));

  const text = await run('status', '--prefix', prefix);
  expect(text.stdout).toMatch(
    /stopped groups +1 .*! +groups, resume, skip \(docs\/runbook\/stopped-groups\.md\)/,
  );
  expect(text.stdout).toContain('red (stopped) at red-1: RejectMessage: not yet');
  expect(text.stdout).toContain('version 7 of stream-of-gap: 9 waits for it');
  outbox.close();
});

/** As if the stream had been listed so many minutes ago. */
async function listedFor({ stream }: StuckStream, table: string, minutes: number): Promise<void> {
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: table,
      Key: stuckKey(stream),
      UpdateExpression: 'SET since = :since',
      ExpressionAttributeValues: { ':since': { N: String(minutesAgo(minutes)) } },
    }),
  );
}

test('a stream that was listed just now may yet mend itself, and needs nobody', async () => {
  const { outbox, status } = await world();
  const picky = new Notebook('picky');
  picky.refuses = () => true;
  await outbox.write(['ann'], { at: minutesAgo(40) });
  await outbox.relay([picky], { graceSeconds: 0 })({}, inTime);
  const { status: code, stdout } = await status();
  expect(counts(pageOf(stdout))['stuck streams']).toBe(1);
  expect(code).toBe(0);
  outbox.close();
});

test.each([
  ['a sweep that never ran', 0],
  ['a sweep that stopped', 30],
])('a silent relay needs a person: %s', async (_, minutes) => {
  const outbox = await WrittenOutbox.open();
  if (minutes > 0)
    for (const shard of [0, 1, 2, 3])
      await put(outbox.table, {
        stream: { S: '["state","relay"]' },
        version: { S: `seen/${shard}` },
        at: { N: String(minutesAgo(minutes)) },
      });
  const { status: code, stdout } = await run('status', '--outbox', outbox.table, '--json');
  expect(code).toBe(1);
  expect(counts(pageOf(stdout))).toMatchObject({ 'silent relay': 1, 'stuck streams': 0 });
  outbox.close();
});

test('a permission that is missing for one call is said once, and is not taken for fine', async () => {
  const { outbox, status } = await world();
  await using proxy = await DenyingProxy.open((call) => call.includes('DynamoDB') && call.endsWith('.Query'));
  const { status: code, stdout, stderr } = await status('--endpoint', proxy.endpoint);
  expect(proxy.refused.length).toBeGreaterThan(1);
  expect(stderr).toBe('');
  expect(code).toBe(1);
  const page = pageOf(stdout);
  expect(counts(page)).toMatchObject({
    'stopped groups': 'not known',
    'dead letters': 0,
    'silent jobs': 'not known',
  });
  expect(page.notKnown).toHaveLength(2);
  expect(page.notKnown[0]).toMatch(
    /^stopped groups of 'ledger', gaps of 'ledger', blocked effects of .*: no permission for dynamodb:Query/,
  );
  outbox.close();
});

test('when nothing could be asked, it says so and ends with 2', async () => {
  const outbox = await WrittenOutbox.open();
  await using proxy = await DenyingProxy.open(() => true);
  const denied = await run('status', '--outbox', outbox.table, '--endpoint', proxy.endpoint);
  expect(denied).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('nothing could be asked'),
  });
  const none = await run('status', '--prefix', 'no-such-stack');
  expect(none).toMatchObject({ status: 2, stderr: expect.stringContaining('check --region and --prefix') });
  outbox.close();
});
