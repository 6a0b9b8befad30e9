import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  ResponsesUnanswered,
  s3Responses,
  type Api,
  type RequestSummary,
  type ResponseBody,
  type ResponseStore,
} from '../../runtime/api/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { json, limits, pay, paymentsApi, request, type Names } from './payments.js';

const client = dynamo();
const s3 = new S3Client({ ...embedded().client, forcePathStyle: true });
const bucket = `responses-${randomUUID()}`;
const responses = s3Responses({ bucket, client: s3 });
/** S3 behind a connection that is open, and on which nothing ever comes. */
const unanswered = createServer(() => undefined);
const silent = () =>
  new S3Client({
    ...embedded().client,
    forcePathStyle: true,
    endpoint: `http://127.0.0.1:${(unanswered.address() as AddressInfo).port}`,
  });
let names: Names;
beforeAll(async () => {
  await once(unanswered.listen(0, '127.0.0.1'), 'listening');
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'account')]);
  names = { receipts: receipts.name, accounts: accounts.name };
});
afterAll(() => {
  client.destroy();
  s3.destroy();
  unanswered.closeAllConnections();
  unanswered.close();
});

const big = `\uFEFFé${'x'.repeat(400 * 1024)}`;
const answering = (
  body: () => ResponseBody,
  store: ResponseStore | undefined = responses,
  observe?: (summary: RequestSummary) => void,
): Api =>
  paymentsApi(names, client, {
    handle: (keyed, tx) => ({ ...pay(names, keyed, tx), body: body() }),
    responses: store,
    ...(observe && { observe }),
  });
const fresh = () => ({ key: randomUUID(), body: { account: randomUUID(), cents: 5 } });
const objects = async () =>
  ((await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).map(({ Key }) => Key ?? '');
const payments = async ({ body }: ReturnType<typeof fresh>) =>
  (await row(client, table({ name: names.accounts, partitionKey: 'account' }), { account: body.account }))
    ?.payments;

test.each([
  ['text', () => big],
  ['bytes', () => Buffer.alloc(400 * 1024, 255)],
])('an answer beyond the room of a receipt is replayed from its object: %s', async (_kind, body) => {
  const asked = fresh();
  const api = answering(body);
  const before = await objects();
  const first = await api(request(asked), limits());
  const again = await api(request(asked), limits());
  expect(Buffer.from(again.body).equals(Buffer.from(first.body))).toBe(true);
  expect(typeof again.body).toBe(typeof first.body === 'string' ? 'string' : 'object');
  expect(again.headers).toHaveProperty('idempotent-replayed');
  expect(await payments(asked)).toBe(1);
  // The handler ran for the replay too, and nothing was written for it.
  expect(await objects()).toHaveLength(before.length + 1);
});

test('an answer that fits is in the receipt', async () => {
  const before = await objects();
  const asked = fresh();
  const api = answering(() => 'x'.repeat(250 * 1024));
  await api(request(asked), limits());
  expect((await api(request(asked), limits())).headers).toHaveProperty('idempotent-replayed');
  expect(await objects()).toEqual(before);
});

test('parallel attempts with answers of their own: the object of the one that committed is replayed to all', async () => {
  const asked = fresh();
  const api = answering(() => `${randomUUID()}${big}`);
  const answers = await Promise.all(Array.from({ length: 8 }, () => api(request(asked), limits())));
  expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
  expect(await payments(asked)).toBe(1);
});

test.each([
  ['gone', async (Key: string) => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }))],
  ['changed', async (Key: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'other' }))],
])('a saved answer that is %s is said to be lost, and the request does not act again', async (_how, harm) => {
  const asked = fresh();
  const before = new Set(await objects());
  const api = answering(() => big);
  await api(request(asked), limits());
  for (const key of await objects()) if (!before.has(key)) await harm(key);
  const again = await api(request(asked), limits());
  expect(again.status).toBe(500);
  expect(json(again)).toMatchObject({ type: expect.stringMatching(/:response-unavailable$/) });
  expect(await payments(asked)).toBe(1);
});

test('the object is durable before the commit: where it cannot be written, nothing is committed', async () => {
  const asked = fresh();
  const full: ResponseStore = {
    put: () => Promise.reject(new Error('full')),
    get: () => Promise.resolve(undefined),
  };
  expect((await answering(() => big, full)(request(asked), limits())).status).toBe(500);
  expect(await payments(asked)).toBeUndefined();
});

test('without a store such an answer is refused before the commit', async () => {
  const asked = fresh();
  const nowhere = paymentsApi(names, client, {
    handle: (keyed, tx) => ({ ...pay(names, keyed, tx), body: big }),
  });
  expect((await nowhere(request(asked), limits())).status).toBe(500);
  expect(await payments(asked)).toBeUndefined();
});

describe('a store that never answers', () => {
  const never = async () => new Promise<never>(() => undefined);
  const soon = () => ({ deadline: Date.now() + 1_000 });

  test.each<[string, () => ResponseStore]>([
    ['a store of your own', () => ({ put: never, get: never })],
    ['S3', () => s3Responses({ bucket, client: silent() })],
  ])('is given up at the deadline before the commit, and the retry acts once: %s', async (_name, store) => {
    const asked = fresh();
    const errors: unknown[] = [];
    const api = answering(
      () => big,
      store(),
      ({ error }) => errors.push(error),
    );
    const answer = await api(request(asked), soon());
    expect(answer.status).toBe(503);
    expect(json(answer)).toMatchObject({ type: expect.stringMatching(/:not-committed$/) });
    expect(errors).toEqual([expect.any(ResponsesUnanswered)]);
    expect(await payments(asked)).toBeUndefined();
    expect((await answering(() => big)(request(asked), limits())).status).toBe(201);
    expect(await payments(asked)).toBe(1);
  });

  test('is given up at the deadline of a replay, and the request does not act again', async () => {
    const asked = fresh();
    await answering(() => big)(request(asked), limits());
    const answer = await answering(() => big, { ...responses, get: never })(request(asked), soon());
    expect(answer.status).toBe(503);
    const again = await answering(() => big)(request(asked), limits());
    expect(again.headers).toHaveProperty('idempotent-replayed');
    expect(await payments(asked)).toBe(1);
  });
});

test.each([Infinity, Number.MAX_SAFE_INTEGER])(
  'a deadline that is further away than any timer is none: %d',
  async (deadline) => {
    const asked = fresh();
    const api = answering(() => big);
    expect((await api(request(asked), { deadline })).status).toBe(201);
    expect((await api(request(asked), { deadline })).headers).toHaveProperty('idempotent-replayed');
    expect(await payments(asked)).toBe(1);
  },
);
