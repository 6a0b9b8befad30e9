import { CreateTableCommand, DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeEmbedded } from '../../targets/embedded/index.js';
import { type EmulatorProcess, startEmulator } from '../../targets/embedded/emulator.js';
import { emulatorPython } from '../../targets/embedded/python.js';

jest.setTimeout(120_000);

let emulator: EmulatorProcess;
let dynamo: DynamoDBClient;
beforeAll(async () => {
  const settings = { region: 'us-east-1', account: '000000000000' };
  emulator = await startEmulator(await emulatorPython(() => undefined), settings);
  dynamo = new DynamoDBClient(describeEmbedded(`http://127.0.0.1:${emulator.port}`).client);
  await dynamo.send(
    new CreateTableCommand({
      ...{ TableName: 'rows', BillingMode: 'PAY_PER_REQUEST' },
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    }),
  );
});
afterAll(async () => {
  dynamo.destroy();
  await emulator.stop();
});

interface Answer {
  readonly __type?: string;
  readonly Datapoints?: readonly { readonly SampleCount: number }[];
}

/** Of a service that no client is installed for. */
async function call(service: string, operation: string, body: object): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${emulator.port}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${service}.${operation}`,
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/x/aws4_request, SignedHeaders=, Signature=',
    },
    body: JSON.stringify(body),
  });
  return (await response.json().catch(() => ({}))) as Answer;
}

const logs = async (operation: string, body: object) => call('Logs_20140328', operation, body);

/**
 * Resolves when the emulator has tidied up after everything before the call: a pass is over when it has left a group
 * with too many streams without its first one.
 */
async function tidied(group: string): Promise<void> {
  await logs('CreateLogGroup', { logGroupName: group });
  for (let stream = 0; stream <= 1000; stream += 1)
    await logs('CreateLogStream', { logGroupName: group, logStreamName: String(stream) });
  while (await hasStream(group, '0')) await sleep(200);
}

async function hasStream(group: string, stream: string): Promise<boolean> {
  const { __type } = await logs('GetLogEvents', { logGroupName: group, logStreamName: stream });
  expect([undefined, expect.stringContaining('ResourceNotFound')]).toContainEqual(__type);
  return __type === undefined;
}

/** In MiB. */
function memory(): number {
  const lines = execFileSync('ps', ['-A', '-o', 'ppid=,rss='], { encoding: 'utf8' }).split('\n');
  const [, kib] =
    lines.map((line) => line.trim().split(/\s+/)).find(([parent]) => Number(parent) === emulator.pid) ?? [];
  return Number(kib) / 1024;
}

async function write(text: string, token?: string): Promise<void> {
  await dynamo.send(
    new TransactWriteItemsCommand({
      ClientRequestToken: token,
      TransactItems: [{ Put: { TableName: 'rows', Item: { id: { S: 'a' }, text: { S: text } } } }],
    }),
  );
}

test('requests are not kept: writing one row again and again takes no memory', async () => {
  const mib = 100;
  const writes = async () => {
    for (let number = 0; number < mib * 4; number += 1) await write('x'.repeat(256 * 1024));
  };
  await writes();
  await tidied('after-writes');
  // Kept requests would be all of it, each time. What the allocator keeps grows at some time, but not always.
  const grown: number[] = [];
  while (grown.length < 4 && !grown.some((growth) => growth < mib * 0.75)) {
    const before = memory();
    await writes();
    grown.push(memory() - before);
  }
  expect(Math.min(...grown)).toBeLessThan(mib * 0.75);
});

test('a token is still told from one that was used for another request', async () => {
  await write('one', 'token');
  await write('two');
  await tidied('after-token');
  await write('one', 'token');
  await expect(write('three', 'token')).rejects.toMatchObject({
    name: 'IdempotentParameterMismatchException',
  });
});

test('the newest log streams of a group stay', async () => {
  await tidied('newest');
  expect(await hasStream('newest', '1')).toBe(true);
  expect(await hasStream('newest', '1000')).toBe(true);
});

test('a metric keeps its newest 10,000 points', async () => {
  const metric = { Namespace: 'own', MetricName: 'calls' };
  const cloudwatch = async (operation: string, body: object) =>
    call('GraniteServiceVersion20100801', operation, body);
  const second = Math.floor(Date.now() / 1000);
  const point = { MetricName: 'calls', Value: 1, Timestamp: second };
  for (let batch = 0; batch < 11; batch += 1)
    await cloudwatch('PutMetricData', { Namespace: 'own', MetricData: Array<object>(1000).fill(point) });
  const count = async () => {
    const { Datapoints = [] } = await cloudwatch('GetMetricStatistics', {
      ...metric,
      ...{ StartTime: second - 3600, EndTime: second + 3600, Period: 3600, Statistics: ['SampleCount'] },
    });
    return Datapoints.reduce((sum, { SampleCount }) => sum + SampleCount, 0);
  };
  expect(await count()).toBeGreaterThanOrEqual(10_000);
  await tidied('after-points');
  expect(await count()).toBe(10_000);
});
