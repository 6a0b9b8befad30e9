import { gzipSync, brotliCompressSync, deflateSync } from 'node:zlib';
import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { idempotentApi, type ApiRequest, type RequestSummary } from '../../runtime/api/index.js';
import { InvalidSettings, table } from '../../runtime/dynamodb/index.js';
import { emptied } from '../fixtures/emptied.js';
import { day, json, pay, paymentsApi } from './payments.js';
import { ask, client, names, once, payments } from './contract-world.js';

const kindOf = (answer: Parameters<typeof json>[0]) =>
  (json(answer) as { type: string }).type.split(':').at(-1);

/** CPU seconds that an answer took, all threads of the process. */
async function cpuOf<T>(work: () => Promise<T>): Promise<{ answer: T; seconds: number }> {
  const before = process.cpuUsage();
  const answer = await work();
  const { user, system } = process.cpuUsage(before);
  return { answer, seconds: (user + system) / 1e6 };
}

/** An API of raw bytes, and what its handler was given. */
function rawApi(more = {}) {
  const given: { body: Uint8Array; headers: ApiRequest['headers']; key: string; keyGiven: boolean }[] = [];
  const accounts = table({ name: names.accounts, partitionKey: 'account' });
  const api = idempotentApi({
    settings: { apiName: `raw-${randomUUID()}`, dedupTable: names.receipts, windowSeconds: day },
    dynamodb: client,
    observe: () => undefined,
    handle: ({ body, headers, key, keyGiven, path }, tx) => {
      given.push({ body, headers, key, keyGiven });
      tx.update(accounts, { account: path }, { add: { payments: 1 } });
      return { status: 201, body: { run: randomUUID() } };
    },
    ...more,
  });
  return { api, given };
}

describe('whatever is sent is answered with little work and few bytes', () => {
  const mib = 1024 * 1024;
  const rows = z.object({ rows: z.array(z.object({ id: z.string() })) });
  const strange: [string, () => Parameters<typeof ask>[0], number[]][] = [
    ['a key of 64 KB of tabs', () => ({ key: `x${'\t'.repeat(65_536)}x` }), [400]],
    ['a key of 64 KB of blanks in quotes', () => ({ key: `"${' '.repeat(65_536)}` }), [400]],
    ['a key of 64 KB of backslashes', () => ({ key: `"${'\\'.repeat(65_536)}` }), [400]],
    ['a key with 64 KB of parameters', () => ({ key: `"a"${';a=b'.repeat(16_384)};` }), [400]],
    ['a key with one long parameter', () => ({ key: `"a";${'a'.repeat(65_536)}!` }), [400]],
    [
      'a header of 64 KB',
      () => ({ headers: { 'content-type': `application/${'+'.repeat(65_536)}` } }),
      [400],
    ],
    ['a body of 6 MB', () => ({ body: Buffer.from(`"${'x'.repeat(6 * mib)}"`) }), [413]],
    ['10^6 open brackets', () => ({ body: Buffer.from('['.repeat(1_000_000)) }), [400]],
    ['half a million objects in each other', () => ({ body: Buffer.from('{"":'.repeat(250_000)) }), [400]],
    ['a number of a million digits', () => ({ body: Buffer.from('1'.repeat(1_000_000)) }), [400]],
    ['60,000 long numbers', () => ({ body: Buffer.from(`[${'1234567890123456,'.repeat(60_000)}1]`) }), [400]],
    ['30,000 issues', () => ({ body: { rows: Array.from({ length: 30_000 }, () => ({ id: 1 })) } }), [400]],
    ['one issue at a long path', () => ({ body: { rows: { ['k'.repeat(900_000)]: 1 } } }), [400]],
    ['a query of 64 KB', () => ({ query: 'a=1&'.repeat(16_000), body: { rows: [] } }), [201]],
    [
      '200 MB in 200 KB of gzip',
      () => ({ headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(200 * mib)) }),
      [413],
    ],
  ];

  test.each(strange)('%s', async (_what, make, statuses) => {
    const summaries: RequestSummary[] = [];
    const api = idempotentApi({
      settings: { apiName: 'strange', dedupTable: names.receipts, windowSeconds: day },
      schema: rows,
      dynamodb: client,
      observe: (summary) => summaries.push(summary),
      handle: () => ({ status: 201 }),
    });
    const shape = make();
    const { answer, seconds } = await cpuOf(async () => ask(shape, api));
    expect(statuses).toContain(answer.status);
    // The quadratic ones took minutes. Quiet, each takes less than a second, which a busy machine makes several.
    expect(seconds).toBeLessThan(30);
    expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(10_000);
    expect(JSON.stringify(summaries).length).toBeLessThan(1_000);
  });
});

test('9: of the issues the first 20 are told, and how many there are', async () => {
  const schema = z.object({ rows: z.array(z.string()) });
  const api = idempotentApi({
    settings: { apiName: 'rows', dedupTable: names.receipts, windowSeconds: day },
    schema,
    dynamodb: client,
    observe: () => undefined,
    handle: () => ({ status: 201 }),
  });
  const answer = await ask({ body: { rows: Array.from({ length: 50 }, (_, i) => i) } }, api);
  const { detail, errors } = json(answer) as { detail: string; errors: { path: string }[] };
  expect(errors.map(({ path }) => path)).toEqual(Array.from({ length: 20 }, (_, i) => `/rows/${i}`));
  expect(detail).toContain('of 50 issues');
});

test('22: a body beyond the limit is 413, at it not; nothing is saved, and the key is good', async () => {
  const { account, key, body } = once();
  const bytes = JSON.stringify(body).length;
  const small = paymentsApi(names, client, { maxBodyBytes: bytes });
  const large = await ask({ key, body: { ...body, more: 1 } }, small);
  expect([large.status, kindOf(large), large.headers['x-should-retry']]).toEqual([
    413,
    'body-too-large',
    'false',
  ]);
  expect(await payments(account)).toBeUndefined();
  expect((await ask({ key, body }, small)).status).toBe(201);
  expect(await payments(account)).toBe(1);
});

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['X-GZIP', gzipSync],
])('23: a body in %s is the request that it is without', async (encoding, pack) => {
  const { account, key, body } = once();
  const bytes = Buffer.from(JSON.stringify(body));
  const first = await ask({ key, headers: { 'content-encoding': encoding }, body: pack(bytes) });
  expect(first.status).toBe(201);
  expect((await ask({ key, body: bytes })).body).toBe(first.body);
  expect(await payments(account)).toBe(1);
});

test('23: the handler gets the content, without the name of its encoding', async () => {
  const { api, given } = rawApi();
  await ask({ headers: { 'content-encoding': 'gzip' }, body: gzipSync('text') }, api);
  await ask({ headers: { 'content-encoding': 'identity' }, body: Buffer.from('text') }, api);
  expect(given.map(({ body }) => Buffer.from(body).toString())).toEqual(['text', 'text']);
  expect(given[0]?.headers).not.toHaveProperty('content-encoding');
});

test.each([
  ['an encoding that nobody knows', 'zstd', Buffer.from('{}'), 415],
  ['two encodings', 'gzip, gzip', gzipSync(gzipSync('{}')), 415],
  ['bytes that are not what they are said to be', 'gzip', Buffer.from('{}'), 400],
  ['bytes that end too early', 'gzip', gzipSync('{"account":"a"}').subarray(0, 20), 400],
])('23: %s is refused', async (_what, encoding, body, status) => {
  const answer = await ask({ headers: { 'content-encoding': encoding }, body });
  expect(answer.status).toBe(status);
  if (status === 415) expect(answer.headers).toMatchObject({ 'accept-encoding': 'gzip, deflate, br' });
});

test('the key may come in another header', async () => {
  const { account, key, body } = once();
  const other = paymentsApi(names, client, { keyHeader: 'X-Idempotency-Key' });
  const missing = await ask({ key, body }, other);
  expect(json(missing)).toMatchObject({ detail: expect.stringContaining('X-Idempotency-Key') });
  const headers = { 'x-idempotency-key': key };
  expect((await ask({ key: '', headers, body }, other)).status).toBe(201);
  expect((await ask({ key: '', headers, body }, other)).headers).toHaveProperty('idempotent-replayed');
  expect(await payments(account)).toBe(1);
});

test('4: a request without a key runs where the API says so, each for itself', async () => {
  const { account, body } = once();
  const mixed = paymentsApi(names, client, {
    withoutKey: ({ path }) => (path === '/payments' ? 'run' : 'refuse'),
    handle: (keyed, tx) => ({ ...pay(names, keyed, tx), body: { given: keyed.keyGiven, key: keyed.key } }),
  });
  const answers = [await ask({ key: '', body }, mixed), await ask({ key: '', body }, mixed)];
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect(new Set(answers.map((answer) => (json(answer) as { key: string }).key)).size).toBe(2);
  expect(json(answers[0] ?? { body: '' })).toMatchObject({ given: false });
  expect((await ask({ key: '', body, path: '/other' }, mixed)).status).toBe(400);
  expect((await ask({ key: '"', body }, mixed)).status).toBe(400);
  expect(await payments(account)).toBe(2);
});

test('4: what became of one without a key cannot be asked, and is not said to be', async () => {
  const broken = paymentsApi({ ...names, receipts: 'no-such-table' }, client, { withoutKey: 'run' });
  const { body } = once();
  const answer = await ask({ key: '', body }, broken);
  expect(answer.status).toBe(503);
  expect(answer.body).not.toContain('Idempotency-Key after');
  expect(answer.body).not.toContain('same Idempotency-Key');
});

test('24: DELETE and PUT need a key as POST does, and a body only if the schema says so', async () => {
  const optional = z.optional(z.object({ reason: z.string() }));
  let deletions = 0;
  const api = idempotentApi({
    settings: { apiName: 'deletes', dedupTable: names.receipts, windowSeconds: day },
    schema: optional,
    dynamodb: client,
    observe: () => undefined,
    handle: ({ body }) =>
      (deletions += 1) === 1 ? { status: 200, body: { reason: body?.reason ?? 'none' } } : { status: 404 },
  });
  const gone = { method: 'DELETE', path: '/payments/1', key: randomUUID(), body: Buffer.alloc(0) };
  expect((await ask({ ...gone, key: '' }, api)).status).toBe(400);
  expect(await ask(gone, api)).toMatchObject({ status: 200, body: '{"reason":"none"}' });
  expect(await ask(gone, api)).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
});

test('6: what counts of the body is an option: the rest may differ between two tries', async () => {
  const { account, key, body } = once();
  const chosen = paymentsApi(names, client, {
    fingerprint: (sent) => {
      const { account, cents } = sent as typeof body;
      return { account, cents };
    },
  });
  const first = await ask({ key, body: { ...body, sentAt: 1 } }, chosen);
  expect((await ask({ key, body: { ...body, sentAt: 2 } }, chosen)).body).toBe(first.body);
  expect((await ask({ key, body: { ...body, cents: 6, sentAt: 2 } }, chosen)).status).toBe(422);
  expect((await ask({ key, body, query: 'a=1' }, chosen)).status).toBe(422);
  // It throws on this one, which then counts as a whole.
  expect((await ask({ key, body: null }, chosen)).status).toBe(422);
  expect(await payments(account)).toBe(1);
});

test.each(emptied)(
  '6: what is chosen of the body and says nothing makes no two bodies one: %s',
  async (_what, make) => {
    const { account, key, body } = once();
    const chosen = paymentsApi(names, client, { fingerprint: make });
    expect((await ask({ key, body }, chosen)).status).toBe(201);
    expect((await ask({ key, body: { ...body, cents: 6 } }, chosen)).status).toBe(422);
    expect((await ask({ key, body }, chosen)).headers).toHaveProperty('idempotent-replayed');
    expect(await payments(account)).toBe(1);
  },
);

test('6, 9: numbers are not rounded: bodies that differ in a digit are two, and one that cannot be kept is refused', async () => {
  const big = z.object({ id: z.bigint() });
  const api = idempotentApi({
    settings: { apiName: 'exact', dedupTable: names.receipts, windowSeconds: day },
    schema: big,
    dynamodb: client,
    observe: () => undefined,
    handle: ({ body }) => ({ status: 201, body: { id: body.id, next: body.id + 1n } }),
  });
  const key = randomUUID();
  const sent = (text: string) => ask({ key, body: Buffer.from(text) }, api);
  expect(await sent('{"id":9007199254740993}')).toMatchObject({
    body: '{"id":9007199254740993,"next":9007199254740994}',
  });
  expect((await sent('{"id":9007199254740992}')).status).toBe(422);
  expect(await sent('\uFEFF{"id":9007199254740993}')).toMatchObject({ status: 201 });
  const inexact = await ask({ body: Buffer.from('{"id":0.12345678901234567890}') }, api);
  expect(inexact.status).toBe(400);
  expect(json(inexact)).toMatchObject({ detail: expect.stringContaining('$.id') });
});

test('6: without a schema too', async () => {
  const { api } = rawApi();
  const key = randomUUID();
  const sent = (text: string) => ask({ key, body: Buffer.from(text) }, api);
  expect((await sent('{"id":0.12345678901234567890}')).status).toBe(201);
  expect((await sent('{"id":0.12345678901234567891}')).status).toBe(422);
  expect((await sent('{"id":0.12345678901234567890}')).headers).toHaveProperty('idempotent-replayed');
});

test('options that cannot be are refused at start', () => {
  for (const [more, said] of [
    [{ keyHeader: 'a b' }, 'keyHeader'],
    [{ maxBodyBytes: -1 }, 'maxBodyBytes'],
    [{ maxBodyBytes: 2 ** 26 }, 'maxBodyBytes'],
    [{ transientStatuses: [200] }, 'transientStatuses'],
  ] as const) {
    const start = () => paymentsApi(names, client, more);
    expect(start).toThrow(InvalidSettings);
    expect(start).toThrow(said);
  }
});
