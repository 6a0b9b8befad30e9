import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { type FaultProxyOptions, startFaultProxy } from '../../drive/faults/fault-proxy.js';
import { embedded } from '../fixtures/embedded.js';
import { type Received, startUpstream } from './upstream.js';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function behindProxy(
  options: Omit<FaultProxyOptions, 'upstream'>,
  answer?: Parameters<typeof startUpstream>[0],
) {
  const upstream = await startUpstream(answer);
  stops.push(upstream.stop);
  const proxy = await startFaultProxy({ upstream: upstream.url, ...options });
  stops.push(proxy.stop);
  return { upstream, proxy };
}

/** One request with exactly these headers; undefined when the connection broke. */
function send(url: string, method: string, path: string, headers: string[], body: Buffer) {
  const { hostname, port } = new URL(url);
  return new Promise<{ status?: number; rawHeaders: string[]; body: Buffer } | undefined>((resolve) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve(undefined));
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          rawHeaders: response.rawHeaders,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.on('error', () => resolve(undefined));
    request.end(body);
  });
}

function post(url: string, key: string) {
  const body = Buffer.from(key);
  return send(
    url,
    'POST',
    '/p',
    ['Host', 'x', 'Idempotency-Key', key, 'Content-Length', String(body.length)],
    body,
  );
}

test('forwards method, path, headers and body bytes unchanged, and the answer too', async () => {
  const answerBody = randomBytes(70_000);
  const answerHeaders = [
    'X-Two',
    '1',
    'X-Two',
    '2',
    'content-TYPE',
    'a/b',
    'Content-Length',
    '70000',
    'Date',
    'never',
  ];
  const { upstream, proxy } = await behindProxy({}, () => ({
    ...{ status: 418, headers: answerHeaders, body: answerBody },
  }));
  const body = randomBytes(200_000);
  const headers = [
    ...['Host', 'api.example.com:8443', 'x-CaSe', 'Ab', 'Repeat', '1', 'Repeat', '2'],
    ...['Content-Length', String(body.length), 'Connection', 'close'],
  ];
  const path = '/a%2Fb/../c//d?x=%20&y=+&x=2';

  const answer = await send(proxy.url, 'PATCH', path, headers, body);

  expect(upstream.received).toHaveLength(1);
  const [received] = upstream.received as [Received];
  expect(received.method).toBe('PATCH');
  expect(received.path).toBe(path);
  expect(received.rawHeaders).toEqual(headers);
  expect(received.body.equals(body)).toBe(true);
  expect(answer?.status).toBe(418);
  expect(answer?.rawHeaders.slice(0, answerHeaders.length)).toEqual(answerHeaders);
  expect(answer?.body.equals(answerBody)).toBe(true);
});

test('a lost request never arrives, a lost answer was acted on, and both break the connection', async () => {
  const faults = ['none', 'request', 'answer'] as const;
  const seen: string[] = [];
  const { upstream, proxy } = await behindProxy({
    decide: ({ headers }) => faults.find((fault) => fault === headers['idempotency-key']) ?? 'none',
    onFault: (fault, { headers }) => seen.push(`${fault} of ${String(headers['idempotency-key'])}`),
  });

  const answers = [];
  for (const fault of faults) answers.push(await post(proxy.url, fault));

  expect(answers.map((answer) => answer?.status)).toEqual([202, undefined, undefined]);
  expect(upstream.received.map(({ body }) => body.toString())).toEqual(['none', 'answer']);
  expect(proxy.stats).toEqual({ requests: 3, lostRequests: 1, lostAnswers: 1, upstreamFailures: 0 });
  expect(seen).toEqual(['request of request', 'answer of answer']);
});

test('loses the shares it is told', async () => {
  const { upstream, proxy } = await behindProxy({ seed: 7, loseRequest: 0.2, loseAnswer: 0.1 });
  const answers = await Promise.all(
    Array.from({ length: 400 }, (_, index) => post(proxy.url, `key ${index}`)),
  );

  const { lostRequests, lostAnswers } = proxy.stats;
  // Four standard deviations of 400 draws.
  expect(Math.abs(lostRequests - 80)).toBeLessThan(32);
  expect(Math.abs(lostAnswers - 40)).toBeLessThan(24);
  expect(upstream.received).toHaveLength(400 - lostRequests);
  expect(answers.filter((answer) => answer !== undefined)).toHaveLength(400 - lostRequests - lostAnswers);
});

test('a seed means the same faults whatever order requests arrive in', async () => {
  const keys = Array.from({ length: 60 }, (_, index) => `key ${index}`);
  const lostWith = async (seed: number, order: readonly string[]) => {
    const lost: string[] = [];
    const { proxy } = await behindProxy({
      ...{ seed, loseRequest: 0.2, loseAnswer: 0.2 },
      onFault: (fault, { body }) => lost.push(`${fault} ${body.toString()}`),
    });
    // Every key three times: a repetition is a draw of its own.
    for (const key of [...order, ...order, ...order]) await post(proxy.url, key);
    return lost.sort();
  };
  const lost = await lostWith(3, keys);
  expect(lost.length).toBeGreaterThan(10);
  expect(await lostWith(3, keys.toReversed())).toEqual(lost);
  expect(await lostWith(4, keys)).not.toEqual(lost);
});

test('an upstream that is gone breaks the connection and is no decided fault', async () => {
  const { upstream, proxy } = await behindProxy({});
  await upstream.stop();
  stops.shift();
  expect(await post(proxy.url, 'a')).toBeUndefined();
  expect(proxy.stats).toEqual({ requests: 1, lostRequests: 0, lostAnswers: 0, upstreamFailures: 1 });
});

test.each([
  [
    { upstream: 'http://127.0.0.1:1/path' },
    "upstream must be an origin such as http://127.0.0.1:4566, got 'http://127.0.0.1:1/path'",
  ],
  [
    { upstream: 'http://127.0.0.1:1', loseRequest: 0.7, loseAnswer: 0.4 },
    'shares that sum up to at most 1, got 0.7 and 0.4',
  ],
])('refuses %j', async (options, message) => {
  await expect(startFaultProxy(options)).rejects.toThrow(message);
});

test('AWS SDK calls go through it; the SDK repeats what got lost and an unkeyed increment then counts twice', async () => {
  const target = embedded();
  const direct = new DynamoDBClient(target.client);
  const TableName = `proxy-${randomUUID()}`;
  await direct.send(
    new CreateTableCommand({
      ...{ TableName, BillingMode: 'PAY_PER_REQUEST' },
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  );
  const plan = ['answer', 'request', 'none'] as const;
  let call = 0;
  const proxy = await startFaultProxy({ upstream: target.endpoint, decide: () => plan[call++] ?? 'none' });
  stops.push(proxy.stop);
  const lossy = new DynamoDBClient({ ...target.client, endpoint: proxy.url });
  await lossy.send(
    new UpdateItemCommand({
      ...{ TableName, Key: { id: { S: 'a' } }, UpdateExpression: 'ADD n :one' },
      ExpressionAttributeValues: { ':one': { N: '1' } },
    }),
  );
  const { Item } = await direct.send(new GetItemCommand({ TableName, Key: { id: { S: 'a' } } }));
  expect(Item?.n?.N).toBe('2');
  expect(proxy.stats).toEqual({ requests: 3, lostRequests: 1, lostAnswers: 1, upstreamFailures: 0 });
  lossy.destroy();
  direct.destroy();
});
