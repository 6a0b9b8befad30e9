import { randomUUID } from 'node:crypto';
import { InvalidSettings } from '../../runtime/dynamodb/index.js';
import { dynamo } from '../fixtures/dynamo.js';
import { day, json, paymentsApi, type Shape } from './payments.js';
import { once, onEachStore } from './stores.js';

onEachStore(({ api, answering, ask, payments, store, summaries }) => {
  test('1, 2: first the handler acts, then its answer is replayed: status, saved headers and body, but no cookie', async () => {
    const { account, key, body } = once();
    const first = await ask({ key, body });
    const again = await ask({ key, body });
    expect(first).toMatchObject({ status: 201, cookies: ['session=1'] });
    expect(first.headers).toMatchObject({ 'x-run': expect.any(String) });
    expect(first.headers).not.toHaveProperty('idempotent-replayed');
    expect(again).toEqual({
      status: 201,
      headers: {
        'content-type': 'application/json',
        location: `/payments/${key}`,
        'idempotent-replayed': 'true',
      },
      body: first.body,
      cookies: [],
    });
    expect(await payments(account)).toBe(1);
    expect(summaries.slice(-2).map(({ outcome, status, calls }) => ({ outcome, status, calls }))).toEqual([
      { outcome: 'processed', status: 201, calls: store().calls.first },
      { outcome: 'replayed', status: 201, calls: store().calls.replay },
    ]);
  });

  test('2: bytes that are no text come back as they were, and so does an answer without a body', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const answer of [
      { status: 200, body: bytes },
      { status: 204 },
      { status: 200, body: '\uFEFF\u0000\uD800é' },
    ]) {
      const { key, body } = once();
      const odd = answering(() => answer);
      const first = await ask({ key, body }, odd);
      const again = await ask({ key, body }, odd);
      expect(Buffer.from(again.body)).toEqual(Buffer.from(first.body));
      expect(again).toMatchObject({ status: answer.status, headers: { 'idempotent-replayed': 'true' } });
    }
  });

  test('3: the quoted and the bare form are one key', async () => {
    const { account, key, body } = once();
    await ask({ key, body });
    expect((await ask({ key: ` "${key}" `, body })).headers).toHaveProperty('idempotent-replayed');
    expect(await payments(account)).toBe(1);
  });

  test('3: parameters of a key say nothing, whatever they are', async () => {
    const { account, key, body } = once();
    const first = await ask({ key, body });
    for (const parameters of [';v=1', '; a; b="x;y,z"', ';c=:YWI=:;d=?0;*e=@1'])
      expect((await ask({ key: `"${key}"${parameters}`, body })).body).toBe(first.body);
    expect(await payments(account)).toBe(1);
  });

  test.each([
    ['4: without a key', '', 400, 'key-missing'],
    ['5: with a key that is not closed', '"abc', 400, 'key-malformed'],
    ['5: with two keys', 'abc, def', 400, 'key-malformed'],
    ['5: with an empty key', '""', 400, 'key-malformed'],
    ['5: with blanks in a bare key', 'a b', 400, 'key-malformed'],
    ['5: with a key that is no ASCII', 'schlüssel', 400, 'key-malformed'],
    ['5: with a parameter of a bare key', 'abc;v=1', 400, 'key-malformed'],
    ['5: with text behind the string', '"abc" x', 400, 'key-malformed'],
    ['5: with a parameter that is none', '"abc";V=1', 400, 'key-malformed'],
    ['5: with 256 characters', 'k'.repeat(256), 400, 'key-malformed'],
  ])('%s nothing happens', async (_name, key, status, kind) => {
    const { account, body } = once();
    const answer = await ask({ key, body });
    expect(answer).toMatchObject({ status, headers: { 'content-type': 'application/problem+json' } });
    expect(json(answer)).toMatchObject({ type: `urn:exactly-once-aws:problem:${kind}`, status });
    expect(await payments(account)).toBeUndefined();
  });

  test('5: 255 characters are a key', async () => {
    const { account, body } = once();
    expect((await ask({ key: `"${'\\"'.repeat(255)}"`, body })).status).toBe(201);
    expect(await payments(account)).toBe(1);
  });

  test('6: another body or query under the key is refused, and the first answer stays', async () => {
    const { account, key, body } = once();
    const first = await ask({ key, body });
    const other = await ask({ key, body: { account, cents: 6 } });
    expect(other.status).toBe(422);
    expect(json(other)).toMatchObject({ type: expect.stringMatching(/:key-reused$/) });
    expect((await ask({ key, body, query: 'dry=1' })).status).toBe(422);
    expect((await ask({ key, body })).body).toBe(first.body);
    expect(await payments(account)).toBe(1);
  });

  test('6: another order of members, and of names in the query, is no other request', async () => {
    const { account, key } = once();
    await ask({ key, body: { account, cents: 5 }, query: 'a=1&b=2' });
    const again = await ask({ key, body: { cents: 5, account }, query: 'b=2&a=1' });
    expect(again.headers).toHaveProperty('idempotent-replayed');
  });

  test('7: the key of one caller, method or path is unknown to another', async () => {
    const { account, key, body } = once();
    const scopes: Shape[] = [{}, { caller: 'bob' }, { path: '/payments/2' }, { method: 'PUT' }];
    const answers = [];
    for (const scope of scopes) answers.push(await ask({ key, body, ...scope }));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(4);
    expect(await payments(account)).toBe(4);
  });

  test('8: a caller whom nobody knows is refused', async () => {
    const { account, key, body } = once();
    const answer = await ask({ key, body, caller: '' });
    expect(answer.status).toBe(401);
    expect(await payments(account)).toBeUndefined();
  });

  test('9: a body that does not fit is answered with its paths and not saved: corrected, the key is good', async () => {
    const { account, key, body } = once();
    const refused = await ask({ key, body: { account, cents: 'many' } });
    expect(refused.status).toBe(400);
    expect(json(refused)).toMatchObject({ errors: [{ path: '/cents', message: expect.any(String) }] });
    expect((await ask({ key, body: Buffer.from('{') })).status).toBe(400);
    expect((await ask({ key, body: Buffer.from('['.repeat(100_000)) })).status).toBe(400);
    expect((await ask({ key, body })).status).toBe(201);
    expect(await payments(account)).toBe(1);
  });

  test('9: JSON of 100 levels is read, JSON of 101 is not', async () => {
    const nested = (levels: number) => Buffer.from(`${'['.repeat(levels)}"]"${']'.repeat(levels)}`);
    expect(json(await ask({ body: nested(100) }))).toHaveProperty('errors');
    const deep = await ask({ body: nested(101) });
    expect(deep.status).toBe(400);
    expect(json(deep)).not.toHaveProperty('errors');
  });

  test('problems lead to the page of the API', async () => {
    const page = 'https://api.example/docs';
    const documented = api({ documentation: page });
    const answer = await ask({ key: '' }, documented);
    expect(answer.headers.link).toBe(`<${page}>; rel="describedby"; type="text/html"`);
    expect(json(answer)).toMatchObject({ type: `${page}#key-missing` });
  });

  test('without a schema the handler gets the raw bytes, and other bytes are another request', async () => {
    const bodies: Uint8Array[] = [];
    const raw = api({
      schema: undefined,
      handle: ({ body }) => {
        // What `Body` then is.
        const bytes = body as unknown as Uint8Array;
        bodies.push(bytes);
        return { status: 200, body: { bytes: bytes.byteLength } };
      },
    });
    const key = randomUUID();
    const headers = { 'content-type': 'application/octet-stream' };
    const bytes = (...all: number[]) => Uint8Array.from(all);
    expect(await ask({ key, headers, body: bytes(0, 255) }, raw)).toMatchObject({ body: '{"bytes":2}' });
    expect((await ask({ key, headers, body: bytes(0, 255) }, raw)).headers).toHaveProperty(
      'idempotent-replayed',
    );
    expect((await ask({ key, headers, body: bytes(0, 254) }, raw)).status).toBe(422);
    expect(bodies[0]).toEqual(bytes(0, 255));
  });
});

const names = { receipts: 'receipts', accounts: 'accounts' };

test('settings that cannot be are refused at start', () => {
  const start = (more: object) => () => paymentsApi(names, dynamo(), more);
  expect(start({ documentation: 'docs' })).toThrow(InvalidSettings);
  expect(start({ savedHeaders: ['X-Run', 'Set-Cookie'] })).toThrow("savedHeaders has 'set-cookie'");
  const settings = { apiName: 'a b', dedupTable: names.receipts, windowSeconds: day };
  expect(start({ settings })).toThrow('must be 1 to 64 of');
  const bucket = { ...settings, apiName: 'a', responseBucket: 'big' };
  expect(start({ settings: bucket })).toThrow("bucket 'big' is there for big answers and nobody uses it");
  for (const windowSeconds of [0, 30 * day + 1, 1.5, NaN])
    expect(start({ settings: { ...settings, apiName: 'a', windowSeconds } })).toThrow(
      'windowSeconds must be',
    );
});
