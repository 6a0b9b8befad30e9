import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import * as fc from 'fast-check';
import {
  anonymousCaller,
  httpApiHandler,
  idempotentApi,
  type ApiResponse,
  type HttpApiHandler,
  type RequestSummary,
} from '../../runtime/api/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { day, limits, pay, paymentsApi, request, type Names } from './payments.js';

const client = dynamo();
afterAll(() => client.destroy());
const runs = Number(process.env.FUZZ_RUNS ?? 150);
const seed = Number(process.env.FUZZ_SEED ?? 1);

/**
 * Text of all kinds: control characters, lone surrogates, what means something to JSON, headers or property names.
 */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', '\uD800', '"', '\\', ',', ';', '%00', '%', '\u0000', '#'),
);
const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', '"a"', 'b', '"b"') },
  fc.uuid(),
  text,
  fc.string({ minLength: 250, maxLength: 260 }).map((chars) => `"${chars}"`),
);
const bytes = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .constantFrom({ account: 'x', cents: 1 }, { cents: 1, account: 'x' }, { account: 'y', cents: 2 })
      .map(jsonBytes),
  },
  fc.jsonValue().map(jsonBytes),
  text.map((chars) => Buffer.from(chars)),
  fc.uint8Array({ maxLength: 2_000 }).map((array) => Buffer.from(array)),
  fc.nat(5_000).map((depth) => Buffer.from('{"a":'.repeat(depth))),
  fc.nat(300).map((depth) => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`)),
  fc.nat(20).map((n) => Buffer.from(`{"account":"x","cents":1${'0'.repeat(n * 20)}}`)),
  fc.constant(Buffer.from('{"account":"x","cents":1,"cents":1e999}')),
  fc.constant(Buffer.from('{"account":"\\ud800","cents":1}')),
  fc.constant(Buffer.from(`{"account":"${'k'.repeat(3_000)}","cents":1}`)),
  fc.constant(Buffer.from(`"${'x'.repeat(500_000)}"`)),
);
const event = fc.record({
  method: fc.constantFrom('POST', 'POST', 'PUT', 'DELETE', 'GET', 'HEAD', 'post', 'BREW'),
  path: fc.oneof(
    fc.constantFrom('/p', '/p/1'),
    text.map((chars) => `/${chars}`),
  ),
  query: fc.oneof(fc.constantFrom('', 'a=1&b=2', 'b=2&a=1', 'a=%ZZ&=&&'), text),
  key: fc.option(key, { nil: undefined, freq: 10 }),
  type: fc.constantFrom('application/json', 'text/plain', 'application/x+json; charset=utf-16', '', 'json'),
  caller: fc.option(fc.constantFrom('alice', 'bob', '\uD800'), { nil: undefined, freq: 10 }),
  headers: fc.dictionary(text, text, { maxKeys: 3 }),
  encoding: fc.option(fc.constantFrom('gzip', 'identity', 'GZIP ', 'zstd', 'gzip, br', '', 'constructor'), {
    nil: undefined,
    freq: 3,
  }),
  packed: fc.boolean(),
  route: fc.constantFrom('$default', 'POST /p', 'ANY /p/{id}', 'ANY /{proxy+}'),
  params: fc.dictionary(fc.constantFrom('id', 'proxy'), text),
  base64: fc.boolean(),
  body: bytes,
});

function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

type Drawn = typeof event extends fc.Arbitrary<infer T> ? T : never;

function lambdaEvent({
  method,
  path,
  query,
  key: given,
  type,
  caller,
  headers,
  encoding,
  packed,
  route,
  params,
  base64,
  body: content,
}: Drawn): APIGatewayProxyEventV2 {
  const body = packed ? gzipSync(content) : content;
  // As API Gateway does: what is no text comes as base64.
  const isBase64Encoded = base64 || !body.equals(Buffer.from(body.toString()));
  const authorizer =
    caller === undefined ? {} : { authorizer: { jwt: { claims: { iss: 'i', sub: caller }, scopes: [] } } };
  return {
    version: '2.0',
    routeKey: route,
    pathParameters: params,
    rawPath: path,
    rawQueryString: query,
    headers: {
      ...headers,
      'Content-Type': type,
      ...(encoding === undefined ? {} : { 'Content-Encoding': encoding }),
      ...(given === undefined ? {} : { 'Idempotency-Key': given }),
    },
    requestContext: {
      accountId: '000000000000',
      apiId: 'api',
      domainName: 'api',
      domainPrefix: 'api',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'fuzz' },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: '',
      timeEpoch: 0,
      ...authorizer,
    },
    isBase64Encoded,
    body: body.toString(isBase64Encoded ? 'base64' : 'utf8'),
  };
}

const context = { getRemainingTimeInMillis: () => 20_000 };

/**
 * Every event twice. No answer is a 5xx, the second one is what the contract says, and every commit was of a request
 * that acted.
 */
async function check(
  handler: HttpApiHandler,
  names: Names,
  summaries: readonly RequestSummary[],
): Promise<void> {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(event, async (drawn) => {
      const first = await handler(lambdaEvent(drawn), context);
      const second = await handler(lambdaEvent({ ...drawn, base64: !drawn.base64 }), context);
      expect(first.statusCode).toBeLessThan(500);
      expect(JSON.stringify(first).length).toBeLessThan(100_000);
      expect(second.statusCode).toBe(first.statusCode);
      expect(second.body).toBe(first.body);
      if (first.statusCode === 201) expect(second.headers).toHaveProperty('idempotent-replayed', 'true');
      statuses.set(first.statusCode ?? 0, (statuses.get(first.statusCode ?? 0) ?? 0) + 1);
    }),
    { numRuns: runs, seed },
  );
  const processed = summaries.filter(({ outcome }) => outcome === 'processed').length;
  expect(await paid(names)).toBe(processed);
  expect(await receipts(names)).toBe(processed);
  // R42: every kind of answer was met.
  expect([...statuses.keys()]).toEqual(expect.arrayContaining([201, 400, 422, 405, 415]));
  process.stdout.write(`fuzz: ${JSON.stringify(Object.fromEntries(statuses))}, ${processed} payments\n`);
}

async function paid({ accounts }: Names): Promise<number> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: accounts }));
  return Items.reduce((sum, { payments }) => sum + Number(payments?.N ?? 0), 0);
}

async function receipts(names: Names): Promise<number | undefined> {
  return (await client.send(new ScanCommand({ TableName: names.receipts, Select: 'COUNT' }))).Count;
}

async function newNames(): Promise<Names> {
  const [rows, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'account')]);
  return { receipts: rows.name, accounts: accounts.name };
}

test(`${runs} random requests, each twice: no 5xx, none acts twice (JSON with a schema)`, async () => {
  const names = await newNames();
  const summaries: RequestSummary[] = [];
  const handle = (keyed: Parameters<typeof pay>[1], tx: Parameters<typeof pay>[2]) =>
    // Keys of items have limits of their own, which are the handler's to know.
    pay(
      names,
      { ...keyed, body: { ...keyed.body, account: keyed.body.account.slice(0, 9).toWellFormed() } },
      tx,
    );
  await check(httpApiHandler(paymentsApi(names, client, { handle }, summaries)), names, summaries);
}, 120_000);

test(`${runs} random requests, each twice: no 5xx, none acts twice (raw bytes, everybody one caller)`, async () => {
  const names = await newNames();
  const summaries: RequestSummary[] = [];
  const accounts = table({ name: names.accounts, partitionKey: 'account' });
  const api = idempotentApi({
    settings: { apiName: 'raw', dedupTable: names.receipts, windowSeconds: day },
    caller: anonymousCaller,
    dynamodb: client,
    observe: (summary) => summaries.push(summary),
    handle: ({ body, query }, tx) => {
      tx.update(accounts, { account: 'all' }, { add: { payments: 1 } });
      return { status: 201, body: { bytes: body.byteLength, query: query.toString(), run: randomUUID() } };
    },
  });
  await check(httpApiHandler(api), names, summaries);
}, 120_000);

/** What handlers answer, and what they should not. */
const answer = fc.record({
  status: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(200, 201, 204, 303, 402, 409) },
    fc.constantFrom(408, 429, 500, 503),
    fc.integer({ min: -1, max: 700 }),
  ),
  headers: fc.dictionary(
    fc.oneof(fc.constantFrom('location', 'Location', 'X-A'), text),
    fc.oneof(fc.constant('a'), text),
    {
      maxKeys: 2,
    },
  ),
  body: fc.oneof(
    fc.constant(undefined),
    text,
    fc.jsonValue(),
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
    fc.uint8Array(),
  ),
});

test(`${runs} random answers of handlers: each is sent, and replayed as it was, or refused before the commit`, async () => {
  const names = await newNames();
  const statuses = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(answer, fc.uuid(), async (given, account) => {
      const summaries: RequestSummary[] = [];
      const api = paymentsApi(
        names,
        client,
        {
          handle: (keyed, tx) => {
            pay(names, keyed, tx);
            return given as ApiResponse;
          },
        },
        summaries,
      );
      const asked = request({ key: account, body: { account, cents: 1 } });
      const first = await api(asked, limits());
      const second = await api(asked, limits());
      const [outcome = 'failed'] = summaries.map(({ outcome }) => outcome);
      expect(second.status).toBe(first.status);
      expect(Buffer.from(second.body).equals(Buffer.from(first.body))).toBe(true);
      // Node would refuse to send any other.
      expect(() => new Headers(first.headers)).not.toThrow();
      const rows = table({ name: names.accounts, partitionKey: 'account' });
      expect((await row(client, rows, { account }))?.payments).toBe(outcome === 'processed' ? 1 : undefined);
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
    }),
    { numRuns: runs, seed },
  );
  expect([...statuses.keys()]).toEqual(expect.arrayContaining(['processed', 'failed', 'refused']));
}, 120_000);
