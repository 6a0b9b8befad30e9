import { execFile } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetItemCommand, PutItemCommand, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { DeleteFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { Client } from 'pg';
import { signed } from '../../cli/conformance/sign.js';
import { startEventSourceRunner, type EventSourceRunner } from '../../targets/event-source/index.js';
import { binFolder, packageRoot } from '../../targets/package-root.js';
import { startPostgres } from '../../targets/postgres/index.js';
import { dynamo, newDedupTable, newTable } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { record, sqs } from '../fixtures/queue.js';
import { newQueue } from '../outbox/outbox-world.js';
import { deployedAll, stagedWhere, writeProject } from './own-app.js';
import { folderOf, writePageApp } from './page-app.js';
import { deployedPages, synthesizedPages } from './pages.js';
import type { StagedPackage } from './staged-package.js';

/**
 * The samples of each page, as a reader would copy them into an empty app that has the package from its tarball, and
 * none of the peers that may be left out but those that a page asks for. Whatever is sent is sent twice, and each
 * effect shows when it acted twice.
 */
type Id = (typeof deployedPages)[number]['id'];

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
      // What the samples import beside the package and its peers, and what webhook.md and postgres.md ask for.
      for (const name of ['zod', '@aws-lambda-powertools', '@aws-sdk/client-secrets-manager', 'pg'])
        await symlink(join(packageRoot, 'node_modules', name), join(project, 'node_modules', name));
      await writePageApp(project, [...deployedPages, ...synthesizedPages]);
      await writeProject(project, 'tsx app.ts');
    },
    { optionalPeers: false },
  );
  outputs = await deployedAll(staged.project, ...deployedPages.map(({ id }) => id));
  runner = await startEventSourceRunner(target, { functionNames: functionNames() });
}, 900_000);

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

test('webhooks: an event of GitHub, delivered twice, is one event of the outbox', async () => {
  const stack = 'Webhook';
  // What GitHub was told, as its owner writes it down.
  const key = randomUUID();
  const secrets = new SecretsManagerClient(target.client);
  await secrets.send(new PutSecretValueCommand({ SecretId: output(stack, 'SecretArn'), SecretString: key }));
  secrets.destroy();
  const body = JSON.stringify({ action: 'opened', issue: { number: 1 } });
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'issues',
    'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(body).digest('hex')}`,
  };
  const statuses: number[] = [];
  await twice(async () => {
    const url = target.httpUrl(`${output(stack, 'ReceiverUrl')}/github`);
    statuses.push((await fetch(url, { method: 'POST', headers, body })).status);
  });
  expect(statuses).toEqual([200, 200]);
  const { Items = [] } = await dynamo().send(new ScanCommand({ TableName: output(stack, 'OutboxTable') }));
  const published = Items.filter((item) => JSON.stringify(item).includes('github.issues'));
  expect([published.length, Items.length]).toEqual([1, 1]);
});

/** Calls the handler of a sample twice with one event, in a process of its own, as a function would. */
async function calledTwice(page: string, file: string, event: object, env: NodeJS.ProcessEnv) {
  const project = staged?.project ?? '';
  await cp(join(__dirname, 'call-twice.mjs'), join(project, 'call-twice.mjs'));
  const sample = join(project, folderOf(page), file);
  const { stdout } = await promisify(execFile)(
    join(binFolder, 'tsx'),
    ['call-twice.mjs', sample, JSON.stringify(event)],
    { cwd: project, env: { ...process.env, ...target.environment, ...env } },
  );
  const answer = /^answered (.*)$/gm;
  return [...stdout.matchAll(answer)].map(([, text = '']) => JSON.parse(text) as unknown);
}

const bothActed = [{ batchItemFailures: [] }, { batchItemFailures: [] }];

test('Kafka: a record, handed out twice, is taken off the account once', async () => {
  const [accounts, receipts, deadLetters] = await Promise.all([
    newTable(dynamo(), 'id'),
    newDedupTable(dynamo()),
    newQueue(sqs(), false),
  ]);
  const value = Buffer.from(JSON.stringify({ paymentId: 'p-1', account: 'ann', cents: 1250 }));
  const record = { topic: 'purchases', partition: 0, offset: 7, timestamp: 1, timestampType: 'CREATE_TIME' };
  const event = {
    eventSource: 'aws:kafka',
    records: { 'purchases-0': [{ ...record, key: '', value: value.toString('base64'), headers: [] }] },
  };
  const answers = await calledTwice('docs/kafka.md', 'handlers/settlement.ts', event, {
    ACCOUNTS_TABLE: accounts.name,
    EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
    EXACTLY_ONCE_DEDUP_TABLE: receipts.name,
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600',
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: deadLetters,
    EXACTLY_ONCE_MAX_FAILURES: '5',
    EXACTLY_ONCE_ON_FAILURE: 'skip',
    EXACTLY_ONCE_REPORTS_ITEM_FAILURES: 'true',
  });
  expect(answers).toEqual(bothActed);
  const key = { TableName: accounts.name, Key: { id: { S: 'ann' } } };
  expect((await dynamo().send(new GetItemCommand(key))).Item?.cents?.N).toBe('1250');
});

test('Postgres: a payment, sent twice, is on the account once, in the tables that `postgres migrate` makes', async () => {
  const server = await startPostgres();
  try {
    const project = staged?.project ?? '';
    const bin = join(project, 'node_modules', 'exactly-once-aws', 'dist', 'cjs', 'cli', 'main.js');
    await promisify(execFile)(process.execPath, [bin, 'postgres', 'migrate', '--url', server.url()]);
    const client = new Client({ connectionString: server.url() });
    await client.connect();
    await client.query('CREATE TABLE accounts (id text PRIMARY KEY, cents bigint NOT NULL)');
    await client.query("INSERT INTO accounts VALUES ('ann', 0)");
    // The server of the test has no certificate; else the sample is as it is printed.
    const sample = join(project, folderOf('docs/postgres.md'), 'settlement.ts');
    await writeFile(sample, (await readFile(sample, 'utf8')).replace('ssl: true', 'ssl: false'));
    const queueUrl = await newQueue(sqs(), false);
    const event = { Records: [record({ body: { paymentId: 'p-1', account: 'ann', cents: 1250 } })] };
    const { username, password, hostname, port, pathname } = new URL(server.url());
    const answers = await calledTwice('docs/postgres.md', 'settlement.ts', event, {
      ...{ PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password },
      PGDATABASE: pathname.slice(1),
      EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
      EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: queueUrl,
      EXACTLY_ONCE_QUEUE_URL: queueUrl,
    });
    expect(answers).toEqual(bothActed);
    const { rows } = await client.query<{ cents: string }>('SELECT cents FROM accounts');
    await client.end();
    expect(rows).toEqual([{ cents: '1250' }]);
  } finally {
    await server.stop();
  }
});

test('the samples of webhooks to subscribers, relays, processors and sinks are stacks that synthesize', async () => {
  const assembly = join(staged?.project ?? '', 'cdk.out', 'manifest.json');
  const { artifacts } = JSON.parse(await readFile(assembly, 'utf8')) as { artifacts: object };
  expect(Object.keys(artifacts)).toEqual(
    expect.arrayContaining(synthesizedPages.flatMap(({ id, stack }) => (stack === undefined ? [] : [id]))),
  );
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
