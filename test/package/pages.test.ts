import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { DeleteFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { signed } from '../../cli/conformance/sign.js';
import { startEventSourceRunner, type EventSourceRunner } from '../../targets/event-source/index.js';
import { packageRoot } from '../../targets/package-root.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { sqs } from '../fixtures/queue.js';
import { deployedAll, stagedWhere, writeProject } from './own-app.js';
import { writePageApp, type Page } from './page-app.js';
import type { StagedPackage } from './staged-package.js';

/**
 * The samples of each page, as a reader would copy them into an empty app that has the package from its tarball, and
 * none of the peers that may be left out. Whatever is sent is sent twice, and each effect shows when it acted twice.
 */
const pages = [
  {
    page: 'README.md',
    id: 'Readme',
    file: 'payments-stack',
    stack: 'PaymentsStack',
    outputs: {
      QueueUrl: 'stack.channel.queue.queueUrl',
      AccountsTable: 'stack.accounts.tableName',
      FunctionName: 'stack.settlement.function.functionName',
    },
  },
  {
    page: 'docs/consumer.md',
    id: 'Consumer',
    file: 'settlement-stack',
    stack: 'SettlementStack',
    outputs: {
      QueueUrl: 'stack.channel.queue.queueUrl',
      AccountsTable: 'stack.accounts.tableName',
      FunctionName: 'stack.settlement.function.functionName',
    },
  },
  {
    page: 'docs/outbox.md',
    id: 'Outbox',
    file: 'events-stack',
    stack: 'EventsStack',
    outputs: {
      QueueUrl: 'stack.payments.queue.queueUrl',
      AccountsTable: 'stack.accounts.tableName',
      ViewsTable: 'stack.views.tableName',
      FunctionName: 'stack.settlement.function.functionName',
      RelayFunctionName: 'stack.relay.function.functionName',
      ViewFunctionName: 'stack.view.function.functionName',
    },
  },
  {
    page: 'docs/api.md',
    id: 'Api',
    file: 'payments-stack',
    stack: 'PaymentsStack',
    outputs: {
      ApiUrl: 'stack.api.url',
      AccountsTable: 'stack.accounts.tableName',
      FunctionName: 'stack.api.function.functionName',
    },
  },
  {
    page: 'docs/jobs.md',
    id: 'Jobs',
    file: 'reports-stack',
    stack: 'ReportsStack',
    outputs: {
      ReportsTable: 'stack.reports.tableName',
      FunctionName: "stack.jobs.function?.functionName ?? ''",
      OrderFunctionName: 'stack.order.function.functionName',
    },
  },
  {
    page: 'docs/lease.md',
    id: 'Lease',
    file: 'charges-stack',
    stack: 'ChargesStack',
    outputs: {
      QueueUrl: 'stack.channel.queue.queueUrl',
      OrdersTable: 'stack.orders.tableName',
      FunctionName: 'stack.charges.function.functionName',
    },
  },
] as const satisfies readonly Page[];
type Id = (typeof pages)[number]['id'];

const target = embedded();
const lambda = new LambdaClient(target.client);
let staged: StagedPackage | undefined;
let outputs: Record<string, Record<string, string>> = {};
let runner: EventSourceRunner | undefined;
let charges = 0;
let provider: Server;

beforeAll(async () => {
  provider = createServer((_, answer) => {
    charges += 1;
    answer.end(JSON.stringify({ id: `ch_${charges}` }));
  });
  await new Promise<void>((listening) => provider.listen(0, '127.0.0.1', listening));
  process.env['PROVIDER_URL'] = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  staged = await stagedWhere(
    async ({ project }) => {
      // What the samples import beside the package and its peers.
      await symlink(join(packageRoot, 'node_modules', 'zod'), join(project, 'node_modules', 'zod'));
      await writePageApp(project, pages);
      await writeProject(project, 'tsx app.ts');
    },
    { optionalPeers: false },
  );
  outputs = await deployedAll(staged.project, ...pages.map(({ id }) => id));
  runner = await startEventSourceRunner(target, { functionNames: functionNames() });
}, 480_000);

afterAll(async () => {
  provider.close();
  await runner?.stop();
  // Their processes would stay for as long as the emulator does.
  for (const FunctionName of functionNames()) await lambda.send(new DeleteFunctionCommand({ FunctionName }));
  await staged?.remove();
});

function functionNames(): string[] {
  return Object.values(outputs).flatMap((stack) =>
    Object.entries(stack).flatMap(([name, value]) => (name.endsWith('FunctionName') ? [value] : [])),
  );
}

function output(stack: Id, name: string): string {
  const value = outputs[stack]?.[name];
  if (value === undefined) throw new Error(`${stack} has no output ${name}`);
  return value;
}

async function twice(send: () => Promise<unknown>): Promise<void> {
  for (let time = 1; time <= 2; time += 1) {
    await send();
    await runner?.idle(200);
  }
}

async function sendTo(stack: Id, body: object): Promise<void> {
  const QueueUrl = output(stack, 'QueueUrl');
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

async function row(stack: Id, tableName: string, Key: Record<string, AttributeValue>) {
  const TableName = output(stack, tableName);
  const { Item } = await dynamo().send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  return Item;
}

const payment = { paymentId: 'p-1', customer: 'ann', cents: 1250 };
const ann = { customer: { S: 'ann' } };

test.each(['Readme', 'Consumer'] as const)(
  '%s: a payment, sent twice, is taken off the account once',
  async (page) => {
    await twice(() => sendTo(page, payment));
    expect((await row(page, 'AccountsTable', ann))?.balance?.N).toBe('-1250');
  },
);

test('the outbox: a payment, sent twice, is one event, and the view counts it once', async () => {
  await twice(() => sendTo('Outbox', payment));
  expect((await row('Outbox', 'AccountsTable', ann))?.balance?.N).toBe('-1250');
  expect(JSON.stringify(await row('Outbox', 'ViewsTable', ann))).toContain('1250');
});

test('the API: a payment, posted twice, is paid once and answered alike', async () => {
  await dynamo().send(
    new PutItemCommand({
      TableName: output('Api', 'AccountsTable'),
      Item: { customer: { S: 'ann' }, balance: { N: '5000' } },
    }),
  );
  const answers: unknown[] = [];
  const exchange = {
    method: 'POST',
    url: new URL(target.httpUrl(`${output('Api', 'ApiUrl')}/payments`)),
    headers: [
      ['content-type', 'application/json'],
      ['idempotency-key', '"p-1"'],
    ] as [string, string][],
    body: JSON.stringify({ customer: 'ann', cents: 1250 }),
  };
  await twice(async () => {
    const request = signed(exchange, { region: target.region, ...target.client.credentials }, new Date());
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
  expect((await row('Api', 'AccountsTable', ann))?.balance?.N).toBe('3750');
});

test('jobs: a report, ordered twice, is made once', async () => {
  await twice(() =>
    lambda.send(
      new InvokeCommand({
        FunctionName: output('Jobs', 'OrderFunctionName'),
        Payload: JSON.stringify({ month: '2026-11' }),
      }),
    ),
  );
  expect((await row('Jobs', 'ReportsTable', { month: { S: '2026-11' } }))?.pages?.N).toBe('28');
});

test('leases: an order, sent twice, is charged once', async () => {
  await twice(() => sendTo('Lease', { order: 'o-1', cents: 1250 }));
  const order = await row('Lease', 'OrdersTable', { order: { S: 'o-1' } });
  expect([charges, order?.chargeId?.S, order?.cents?.N]).toEqual([1, 'ch_1', '1250']);
});

test('a client that may be left out is asked for by name where its feature is on, and nowhere else', async () => {
  const folder = staged?.project ?? '';
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
