import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import {
  RequestNotSent,
  idempotentClient,
  type IdempotentClientOptions,
  type IdempotentRequest,
} from '../../runtime/client/index.js';
import { pauseMs, retryAfterMs } from '../../runtime/client/retry.js';
import { InvalidSettings, table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { paymentsApi } from '../api/payments.js';
import { serve, serveApi, type Server } from '../api/server.js';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

type Reply = (response: ServerResponse, request: IncomingMessage) => void;

/** A server that answers its requests in this order, and the last reply for ever; and what it was asked. */
async function replying(
  ...replies: Reply[]
): Promise<{ url: string; asked: { key: unknown; body: string }[] }> {
  const asked: { key: unknown; body: string }[] = [];
  const server = await serve((request, body, response) => {
    const reply = replies[Math.min(asked.length, replies.length - 1)];
    asked.push({ key: request.headers['idempotency-key'], body: body.toString() });
    reply?.(response, request);
  });
  servers.push(server);
  return { url: server.url, asked };
}

const status =
  (code: number, body = '', headers: Record<string, string> = {}): Reply =>
  (response) =>
    void response.writeHead(code, headers).end(body);
const done = status(201, '{"id":"1"}', { 'idempotent-replayed': 'true' });
const hangUp: Reply = (_response, request) => void request.socket.destroy();
const silence: Reply = () => undefined;

const clientOf = (baseUrl: string, more: Partial<IdempotentClientOptions> = {}) =>
  idempotentClient({ baseUrl, pauses: { firstMs: 1, longestMs: 5 }, attemptTimeoutMs: 5_000, ...more });
const order: IdempotentRequest<unknown> = { path: '/payments', body: { account: 'a', cents: 1 } };

test.each([
  ['a connection that is lost', hangUp],
  ['408', status(408)],
  ['409 with Retry-After: the first one is still under way', status(409, '', { 'retry-after': '0' })],
  ['409 that says so', status(409, '', { 'Stripe-Should-Retry': 'true' })],
  ['400 that says so', status(400, '', { 'X-Should-Retry': 'true' })],
  ['425', status(425)],
  ['429', status(429)],
  ['500', status(500)],
  ['503 with a page instead of a problem', status(503, '<html>')],
])('tries again after %s, with the same key and the same bytes', async (_what, reply) => {
  const { url, asked } = await replying(reply, reply, done);
  const answer = await clientOf(url).send(order);
  expect(answer).toMatchObject({ status: 201, body: { id: '1' }, replayed: true, attempts: 3 });
  expect(asked).toHaveLength(3);
  expect(new Set(asked.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(asked[0]).toEqual({ key: `"${answer.key}"`, body: '{"account":"a","cents":1}' });
});

test('tries again after a time without an answer', async () => {
  const { url, asked } = await replying(silence, done);
  const answer = await clientOf(url, { attemptTimeoutMs: 50 }).send(order);
  expect(answer.attempts).toBe(asked.length);
  expect(new Set(asked.map(({ key }) => key)).size).toBe(1);
});

test.each([
  [400, 'RequestRefused'],
  [401, 'RequestRefused'],
  [403, 'RequestRefused'],
  [404, 'RequestRefused'],
  [409, 'RequestRefused'],
  [413, 'RequestRefused'],
  [501, 'RequestRefused'],
  [505, 'RequestRefused'],
  [422, 'KeyConflict'],
  [302, 'RequestRefused'],
])('never tries again after %i', async (code, name) => {
  const problem = JSON.stringify({ type: 'about:blank', title: 'No', detail: 'because' });
  const { url, asked } = await replying(
    status(code, problem, { 'content-type': 'application/problem+json', location: '/elsewhere' }),
  );
  await expect(clientOf(url).send(order)).rejects.toMatchObject({
    name,
    status: code,
    problem: { detail: 'because' },
    attempts: 1,
    message: expect.stringContaining('because'),
  });
  expect(asked).toHaveLength(1);
});

test.each([
  ['a refusal that is a replay', 409, { 'retry-after': '1' }, 'RequestRefused'],
  ['an error that is a replay', 500, {}, 'RequestRefused'],
  ['a limit that is a replay', 429, { 'retry-after': '1' }, 'RequestRefused'],
])('never asks again for what it has: %s', async (_what, code, headers, name) => {
  const { url, asked } = await replying(
    status(code, '', { 'Idempotent-Replayed': 'true', ...headers }),
    done,
  );
  await expect(clientOf(url).send(order)).rejects.toMatchObject({ name, status: code, attempts: 1 });
  expect(asked).toHaveLength(1);
});

test('what the API says not to ask again for is not asked again, and of 5xx nobody knows what was done', async () => {
  for (const [code, name] of [
    [429, 'RequestRefused'],
    [500, 'OutcomeUnconfirmed'],
    [503, 'OutcomeUnconfirmed'],
  ] as const) {
    const { url, asked } = await replying(status(code, '', { 'x-should-retry': 'false' }), done);
    await expect(clientOf(url).send(order)).rejects.toMatchObject({ name });
    expect(asked).toHaveLength(1);
  }
});

test('303 is done, and says where to look', async () => {
  for (const body of ['', '<html>', '{"a":1}']) {
    const { url } = await replying(status(303, body, { location: '/orders/1' }));
    const answer = await clientOf(url).send({ ...order, answer: z.object({ id: z.string() }) });
    expect(answer).toMatchObject({ status: 303, attempts: 1 });
    expect(answer.headers.get('location')).toBe('/orders/1');
  }
});

test.each<[string, Partial<IdempotentRequest<unknown>>]>([
  ['a key that no header can hold', { key: 'schlüssel ☃' }],
  ['a key with a line break', { key: 'a\nb' }],
  ['a key of 256 characters', { key: 'k'.repeat(256) }],
  ['an empty key', { key: '' }],
  ['a path that is none', { path: 'payments' }],
  ['a header that is none', { headers: { 'a b': 'c' } }],
  ['a header value that is none', { headers: { a: 'b\nc' } }],
  ['a body without JSON', { body: () => 1 }],
  ['a body that JSON empties', { body: Promise.resolve({ cents: 5 }) }],
  ['a body that holds itself', { body: cycle() }],
])('gives up at once on what cannot be sent: %s', async (_what, wrong) => {
  const { url, asked } = await replying(done);
  const retries: unknown[] = [];
  const client = clientOf(url, { onRetry: (attempt) => retries.push(attempt) });
  await expect(client.send({ ...order, ...wrong })).rejects.toMatchObject({ name: 'RequestNotSent' });
  expect([asked.length, retries.length]).toEqual([0, 0]);
});

function cycle(): unknown {
  const body: Record<string, unknown> = {};
  body.body = body;
  return body;
}

test('gives up at once where a signer has nothing to sign with, or the other side is not who it should be', async () => {
  const wrong = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  for (const error of [
    new RequestNotSent('no credentials'),
    new TypeError('fetch failed', { cause: wrong }),
  ]) {
    let tried = 0;
    const client = clientOf('http://localhost', {
      fetch: () => {
        tried += 1;
        return Promise.reject(error);
      },
    });
    await expect(client.send(order)).rejects.toMatchObject({ name: 'RequestNotSent' });
    expect(tried).toBe(1);
  }
});

test('where nobody listens it goes on, and in the end nothing was sent', async () => {
  const server = await serve(() => undefined);
  await server.stop();
  // The first fetch of a process loads its client, which is no time of the server.
  await expect(fetch(server.url)).rejects.toThrow('fetch failed');
  const retries: unknown[] = [];
  const client = clientOf(server.url, { giveUpAfterMs: 300, onRetry: (attempt) => retries.push(attempt) });
  await expect(client.send(order)).rejects.toMatchObject({ name: 'RequestNotSent' });
  expect(retries.length).toBeGreaterThan(0);
});

test('but what may have arrived once stays "not confirmed"', async () => {
  const { url } = await replying(hangUp);
  let tried = 0;
  const client = clientOf(url, {
    fetch: (request) => {
      tried += 1;
      if (tried > 1) throw new RequestNotSent('no credentials');
      return fetch(request);
    },
  });
  await expect(client.send(order)).rejects.toMatchObject({ name: 'OutcomeUnconfirmed', attempts: 2 });
});

test('one header in two spellings is one header, and the key is the client’s to set', async () => {
  const headers: IncomingMessage['headers'][] = [];
  const { url } = await replying((response, request) => {
    headers.push(request.headers);
    done(response, request);
  });
  const client = clientOf(url, { headers: { 'Content-Type': 'application/vnd.a+json', 'X-A': 'always' } });
  await client.send({ ...order, key: 'k', headers: { 'x-a': 'this', 'IDEMPOTENCY-KEY': 'other' } });
  expect(headers).toMatchObject([
    { 'content-type': 'application/vnd.a+json', 'x-a': 'this', 'idempotency-key': '"k"' },
  ]);
});

test('numbers are not rounded, neither in what is sent nor in what is answered', async () => {
  const { url, asked } = await replying(
    status(201, '{"id":9007199254740993}'),
    status(201, '{"id":0.12345678901234567890}'),
  );
  const answer = await clientOf(url).send({ ...order, body: { id: 9007199254740993n } });
  expect([asked[0]?.body, answer.body]).toEqual(['{"id":9007199254740993}', { id: 9007199254740993n }]);
  await expect(clientOf(url).send(order)).rejects.toMatchObject({
    name: 'UnexpectedAnswer',
    body: '{"id":0.12345678901234567890}',
  });
});

test('an error quotes no body', async () => {
  const { url } = await replying(status(400, 'ada@example.com'));
  await expect(clientOf(url).send(order)).rejects.toMatchObject({
    body: 'ada@example.com',
    message: expect.not.stringContaining('ada'),
  });
});

test('gives up with the key in hand: what may have been done can be asked for again', async () => {
  const { url, asked } = await replying(hangUp, hangUp, hangUp, hangUp, done);
  const key = 'order 17 "b"';
  const failures: string[] = [];
  const client = clientOf(url, {
    giveUpAfterMs: 60,
    pauses: { firstMs: 30, longestMs: 30, random: () => 1 },
    onRetry: ({ failure }) => failures.push(failure),
  });
  await expect(client.send({ ...order, key })).rejects.toMatchObject({
    name: 'OutcomeUnconfirmed',
    key,
    cause: expect.anything(),
  });
  expect(failures).toHaveLength(asked.length - 1);
  expect(await clientOf(url).send({ ...order, key })).toMatchObject({ status: 201, key });
  expect(new Set(asked.map((one) => one.key))).toEqual(new Set(['"order 17 \\"b\\""']));
});

test('a fetch that does not heed its signal is not waited for, neither for its time nor for who gives up', async () => {
  const deaf = () => new Promise<Response>(() => undefined);
  const client = clientOf('http://localhost', { fetch: deaf, attemptTimeoutMs: 50, giveUpAfterMs: 300 });
  await expect(client.send(order)).rejects.toMatchObject({ name: 'OutcomeUnconfirmed' });
  const signal = AbortSignal.timeout(50);
  const patient = clientOf('http://localhost', { fetch: deaf, attemptTimeoutMs: 60_000 });
  await expect(patient.send({ ...order, signal })).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('a redirect that a browser hides behind status 0 is no success', async () => {
  const client = clientOf('http://localhost', { fetch: () => Promise.resolve(Response.error()) });
  await expect(client.send(order)).rejects.toMatchObject({ name: 'RequestRefused', status: 0 });
});

test.each([
  ['ahead', 3_600_000],
  ['behind', -3_600_000],
])('the date of Retry-After is of the server’s clock, which is %s of ours', async (_, skew) => {
  const at = (ms: number) => new Date(Date.now() + skew + ms).toUTCString();
  const busy = { date: at(0), 'retry-after': at(2_000) };
  const { url, asked } = await replying(status(503, '', busy), done);
  const began = performance.now();
  await clientOf(url).send(order);
  expect(asked).toHaveLength(2);
  expect(performance.now() - began).toBeGreaterThan(900);
});

test('two resources are not made one: a path with a fragment is not sent', async () => {
  const { url, asked } = await replying(done);
  await expect(clientOf(url).send({ ...order, path: '/payments/a#1' })).rejects.toThrow('write it as %23');
  expect(asked).toEqual([]);
  for (const baseUrl of [`${url}/v1?tenant=1`, `${url}/v1#`])
    expect(() => clientOf(baseUrl)).toThrow(InvalidSettings);
});

test('two sends are two requests', async () => {
  const { url, asked } = await replying(done);
  const client = clientOf(url);
  await client.send(order);
  await client.send(order);
  expect(new Set(asked.map(({ key }) => key)).size).toBe(2);
});

test('every attempt is signed anew, over the same request', async () => {
  const { url, asked } = await replying(status(503), done);
  let signatures = 0;
  const seen: (string | null)[] = [];
  const signing = clientOf(url, {
    fetch: async (request) => {
      request.headers.set('authorization', `signature ${(signatures += 1)}`);
      seen.push(request.headers.get('idempotency-key'));
      return fetch(request);
    },
  });
  await signing.send(order);
  expect(signatures).toBe(2);
  expect(new Set([...seen, ...asked.map(({ key }) => key)]).size).toBe(1);
});

test('an answer is validated, and one that does not fit says that it was done', async () => {
  const { url } = await replying(done, status(201, 'no json'), status(204));
  const client = clientOf(url);
  const typed = await client.send({ ...order, answer: z.object({ id: z.string() }) });
  expect(typed.body.id).toBe('1');
  await expect(client.send(order)).rejects.toMatchObject({ name: 'UnexpectedAnswer', status: 201 });
  expect((await client.send(order)).body).toBeUndefined();
  const strange = await replying(status(201, '{"id":1}'));
  await expect(
    clientOf(strange.url).send({ ...order, answer: z.object({ id: z.string() }) }),
  ).rejects.toMatchObject({ name: 'UnexpectedAnswer', attempts: 1 });
  expect(strange.asked).toHaveLength(1);
});

test('a signal ends it, while it waits and while it asks', async () => {
  for (const reply of [status(503, '', { 'retry-after': '3600' }), silence]) {
    const { url, asked } = await replying(reply);
    const controller = new AbortController();
    const sending = clientOf(url, { giveUpAfterMs: 7_200_000 }).send({ ...order, signal: controller.signal });
    while (asked.length === 0) await sleep(5);
    controller.abort(new Error('enough'));
    await expect(sending).rejects.toThrow('enough');
    expect(asked).toHaveLength(1);
  }
});

test('pauses double up to the longest, with full jitter, and are never shorter than Retry-After', () => {
  const bounds = (random: number, wanted = 0) =>
    [1, 2, 3, 10].map((failures) =>
      pauseMs(failures, wanted, { firstMs: 100, longestMs: 500, random: () => random }),
    );
  expect(bounds(1)).toEqual([100, 200, 400, 500]);
  expect(bounds(0.5)).toEqual([50, 100, 200, 250]);
  expect(bounds(0)).toEqual([0, 0, 0, 0]);
  expect(bounds(0, 700)).toEqual([700, 700, 700, 700]);
  expect(bounds(1, 700)).toEqual([800, 900, 1100, 1200]);
});

test.each([
  [null, 0],
  ['2', 2_000],
  [' 0 ', 0],
  ['-1', 0],
  ['soon', 0],
  ['Thu, 01 Jan 1970 00:00:10 GMT', 9_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
])('Retry-After %s is %i ms', (header, expected) => {
  expect(retryAfterMs(header, 1_000)).toBe(expected);
});

test('options that cannot be are refused', () => {
  expect(() => idempotentClient({ baseUrl: 'payments' })).toThrow(InvalidSettings);
  expect(() => idempotentClient({ baseUrl: 'http://a', attemptTimeoutMs: 0 })).toThrow('attemptTimeoutMs');
  expect(() => idempotentClient({ baseUrl: 'http://a', giveUpAfterMs: NaN })).toThrow('giveUpAfterMs');
});

test('against the real API, with answers and requests lost: every order is paid once', async () => {
  const dynamodb = dynamo();
  const [receipts, accounts] = await Promise.all([newTable(dynamodb, 'id'), newTable(dynamodb, 'account')]);
  const server = await serveApi(paymentsApi({ receipts: receipts.name, accounts: accounts.name }, dynamodb));
  servers.push(server);
  let sent = 0;
  let lost = 0;
  const client = clientOf(server.url, {
    headers: { authorization: 'alice' },
    fetch: async (request) => {
      sent += 1;
      const response = sent % 3 === 1 ? undefined : await fetch(request);
      if (response !== undefined && sent % 3 === 0) return response;
      lost += 1;
      throw new TypeError('lost');
    },
  });
  const account = randomUUID();
  const orders = 10;
  for (let i = 0; i < orders; i += 1) {
    const answer = await client.send({ path: '/payments', body: { account, cents: 5 } });
    expect(answer).toMatchObject({ status: 201, replayed: true });
  }
  expect(lost).toBe(2 * orders);
  expect(
    await row(dynamodb, table({ name: accounts.name, partitionKey: 'account' }), { account }),
  ).toMatchObject({
    payments: orders,
    balance: -5 * orders,
  });
  dynamodb.destroy();
});

describe('a clock of the day that is set while the client waits', () => {
  const real = Date.now.bind(Date);
  let offMs = 0;
  beforeEach(() => {
    offMs = 0;
    jest.spyOn(Date, 'now').mockImplementation(() => real() + offMs);
  });
  afterEach(() => jest.restoreAllMocks());

  test('ahead, as after a night asleep or a frozen function: the key may be forgotten, so nothing is asked any more', async () => {
    const { url, asked } = await replying(status(503));
    const client = clientOf(url, { giveUpAfterMs: 300_000, onRetry: () => (offMs = 48 * 3_600_000) });
    await expect(client.send(order)).rejects.toMatchObject({ name: 'OutcomeUnconfirmed', attempts: 1 });
    expect(asked).toHaveLength(1);
  });

  test('back by an hour: it gives up when its time is over all the same', async () => {
    const { url } = await replying(status(503));
    const client = clientOf(url, { giveUpAfterMs: 300, onRetry: () => (offMs = -3_600_000) });
    const sending = client.send(order).catch((error: unknown) => error);
    const outcome = await Promise.race([sending, sleep(30_000, 'still asking', { ref: false })]);
    expect(outcome).toMatchObject({ name: 'OutcomeUnconfirmed' });
  });
});
