import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { signed } from '../../cli/conformance/sign.js';
import { dynamo } from '../fixtures/dynamo.js';
import { sqs } from '../fixtures/queue.js';
import { DeployedPages, type DeployedPage } from './deployed-pages.js';
import { kafkaPages } from './kafka-pages.js';
import { synthesizedPages } from './pages.js';
import { postgresPages } from './postgres-pages.js';
import { webhookPages } from './webhook-pages.js';

/** Nothing here is a matter of time: on a loaded machine a deployment takes minutes, and a program's start one. */
jest.setTimeout(900_000);

/** Whatever is sent to the samples of the pages is sent twice, and each effect shows when it acted twice. */
let pages: DeployedPages;
let charges = 0;
let provider: Server;

beforeAll(async () => {
  provider = createServer((_, answer) => {
    charges += 1;
    answer.end(JSON.stringify({ id: `ch_${charges}` }));
  });
  await new Promise<void>((listening) => provider.listen(0, '127.0.0.1', listening));
  process.env['PROVIDER_URL'] = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  pages = await DeployedPages.deploy();
});

afterAll(async () => {
  provider.close();
  // It is not there when the deployment has failed.
  await (pages as DeployedPages | undefined)?.close();
});

async function sendTo(stack: DeployedPage, body: object): Promise<void> {
  const QueueUrl = pages.output(stack, 'QueueUrl');
  // As a producer sends that tries again after more than the queue's five minutes.
  const fifo = { MessageGroupId: 'ann', MessageDeduplicationId: randomUUID() };
  await sqs().send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: JSON.stringify(body),
      ...(QueueUrl.endsWith('.fifo') && fifo),
    }),
  );
}

const payment = { paymentId: 'p-1', customer: 'ann', cents: 1250 };
const ann = { customer: { S: 'ann' } };

test.each(['Readme', 'Consumer'] as const)(
  '%s: a payment, sent twice, is taken off the account once',
  async (page) => {
    await pages.twice(() => sendTo(page, payment));
    expect((await pages.row(page, 'AccountsTable', ann))?.balance?.N).toBe('-1250');
  },
);

test('the outbox: a payment, sent twice, is one event, and the view counts it once', async () => {
  await pages.twice(() => sendTo('Outbox', payment));
  expect((await pages.row('Outbox', 'AccountsTable', ann))?.balance?.N).toBe('-1250');
  expect(JSON.stringify(await pages.row('Outbox', 'ViewsTable', ann))).toContain('1250');
});

test('the API: a payment, posted twice, is paid once and answered alike', async () => {
  await dynamo().send(
    new PutItemCommand({
      TableName: pages.output('Api', 'AccountsTable'),
      Item: { customer: { S: 'ann' }, balance: { N: '5000' } },
    }),
  );
  const answers: unknown[] = [];
  const exchange = {
    method: 'POST',
    url: new URL(pages.target.httpUrl(`${pages.output('Api', 'ApiUrl')}/payments`)),
    headers: [
      ['content-type', 'application/json'],
      ['idempotency-key', '"p-1"'],
    ] as [string, string][],
    body: JSON.stringify({ customer: 'ann', cents: 1250 }),
  };
  await pages.twice(async () => {
    const request = signed(
      exchange,
      { region: pages.target.region, ...pages.target.client.credentials },
      new Date(),
    );
    const answer = await fetch(request.url, {
      ...request,
      headers: [...request.headers] as [string, string][],
    });
    answers.push([answer.status, answer.headers.get('idempotent-replayed'), await answer.text()]);
  });
  const body = expect.stringContaining('"cents":1250') as string;
  expect(answers).toEqual([
    [201, null, body],
    [201, 'true', body],
  ]);
  expect((await pages.row('Api', 'AccountsTable', ann))?.balance?.N).toBe('3750');
});

test('jobs: a report, ordered twice, is made once', async () => {
  await pages.twice(() =>
    pages.lambda.send(
      new InvokeCommand({
        FunctionName: pages.output('Jobs', 'OrderFunctionName'),
        Payload: JSON.stringify({ month: '2026-11' }),
      }),
    ),
  );
  expect((await pages.row('Jobs', 'ReportsTable', { month: { S: '2026-11' } }))?.pages?.N).toBe('28');
});

test('leases: an order, sent twice, is charged once', async () => {
  await pages.twice(() => sendTo('Lease', { order: 'o-1', cents: 1250 }));
  const order = await pages.row('Lease', 'OrdersTable', { order: { S: 'o-1' } });
  expect([charges, order?.chargeId?.S, order?.cents?.N]).toEqual([1, 'ch_1', '1250']);
});

describe('webhooks', () => webhookPages(() => pages));
describe('databases', () => postgresPages(() => pages));
describe('logs', () => kafkaPages(() => pages));

test('the samples of relays, processors and sinks are stacks that synthesize', async () => {
  const assembly = join(pages.project, 'cdk.out', 'manifest.json');
  const { artifacts } = JSON.parse(await readFile(assembly, 'utf8')) as { artifacts: object };
  expect(Object.keys(artifacts)).toEqual(
    expect.arrayContaining(synthesizedPages.flatMap(({ id, stack }) => (stack === undefined ? [] : [id]))),
  );
});

test('a client that may be left out is asked for by name where its feature is on, and nowhere else', async () => {
  const folder = pages.project;
  for (const file of ['synth.cjs', 's3-consumer.mjs', 's3-api.mjs'])
    await cp(join(__dirname, 'missing-clients', file), join(folder, file));
  const { stdout } = await promisify(execFile)(process.execPath, ['synth.cjs'], { cwd: folder });
  const refused = (name: string) =>
    expect.stringMatching(
      new RegExp(`^InvalidProps: .*must be with that package: npm install ${name} `, 's'),
    ) as string;
  const scheduler = '@aws-sdk/client-scheduler';
  expect(JSON.parse(stdout)).toEqual({
    'relay to a queue': [],
    'relay to a topic': refused('@aws-sdk/client-sns'),
    'relay to a bus': refused('@aws-sdk/client-eventbridge'),
    api: [],
    'api with big answers': refused('@aws-sdk/client-s3'),
    'consumer of payloads in S3': refused('@aws-sdk/client-s3'),
    // Nobody knows at synth how long its jobs will wait.
    'producer of jobs': [expect.stringContaining(`npm install ${scheduler} if you use that`) as string],
    'topic at run time': `PackageMissing: @aws-sdk/client-sns is not in the bundle, and an SNS target needs it: npm install @aws-sdk/client-sns, and deploy again`,
  });
});
