import { randomUUID } from 'node:crypto';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import * as fc from 'fast-check';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import * as z from 'zod';
import * as mini from 'zod/mini';
import openapi from '../../docs/openapi/payments.json';
import { PaymentRequest } from '../../lambdas/api/payment.js';
import { httpApiHandler } from '../../runtime/api/index.js';
import { readKey } from '../../runtime/api/idempotency-key.js';
import { requestId } from '../../runtime/api/identity.js';
import { authenticatedCaller } from '../../runtime/api/caller.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { request } from './payments.js';
import { referenceApi, type ReferenceNames } from './reference.js';

const client = dynamo();
let names: ReferenceNames;
beforeAll(async () => {
  const [receipts, accepted, outbox] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'paymentId'),
    newTable(client, 'stream', 'version'),
  ]);
  names = { receipts: receipts.name, accepted: accepted.name, outbox: outbox.name };
});
afterAll(() => client.destroy());

type Json = Record<string, unknown>;
const operation = openapi.paths['/payments'].post;

/** The value with every reference into the document replaced by what it refers to. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { $ref?: unknown };
  if (typeof $ref !== 'string')
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolved(member)]));
  const path = $ref.replace(/^#\//, '').split('/');
  const target = path.reduce<unknown>((within, name) => (within as Json | undefined)?.[name], openapi);
  if (target === undefined) throw new Error(`${$ref} leads nowhere`);
  return resolved(target);
}

const validator = (schema: unknown) =>
  z.fromJSONSchema(resolved(schema) as Parameters<typeof z.fromJSONSchema>[0]);

interface Documented {
  readonly headers?: Record<string, { schema: unknown }>;
  readonly content: Record<string, { schema: unknown }>;
}

/** What is in an answer that the document does not say, or says otherwise. */
function undocumented({ statusCode, headers = {}, body }: APIGatewayProxyStructuredResultV2): string[] {
  const found = (operation.responses as Record<string, unknown>)[String(statusCode)];
  if (found === undefined) return [`status ${statusCode ?? 0} is not documented`];
  const response = resolved(found) as Documented;
  const type = String(headers['content-type']);
  const content = response.content[type];
  if (content === undefined) return [`${statusCode ?? 0} has content-type ${type}`];
  const parsed = validator(content.schema).safeParse(JSON.parse(body ?? ''));
  const everywhere = new Set(['content-type', 'cache-control']);
  const documented = new Map(
    Object.entries(response.headers ?? {}).map(([name, { schema }]) => [name.toLowerCase(), schema]),
  );
  const odd = Object.entries(headers).filter(
    ([name, value]) =>
      !everywhere.has(name) &&
      !(documented.has(name) && validator(documented.get(name)).safeParse(String(value)).success),
  );
  return [
    ...(parsed.success ? [] : [`${statusCode ?? 0}: ${parsed.error.message}`]),
    ...odd.map(([name, value]) => `${statusCode ?? 0} has header ${name}: ${String(value)}`),
  ];
}

const body = operation.requestBody.content['application/json'].examples.cds.value;
const alice = { iss: 'https://issuer.example', sub: 'alice' };

function event(
  key: string | undefined,
  payload: unknown = body,
  claims: object = alice,
): APIGatewayProxyEventV2 {
  return {
    rawPath: '/payments',
    rawQueryString: '',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
    requestContext: {
      http: { method: 'POST' },
      authorizer: { jwt: { claims, scopes: [] } },
    },
    isBase64Encoded: false,
    body: JSON.stringify(payload),
  } as unknown as APIGatewayProxyEventV2;
}

const context = { getRemainingTimeInMillis: () => 10_000 };

test('every answer that the API gives is documented, and every documented answer is given', async () => {
  const ask = httpApiHandler(referenceApi(names, client));
  const broken = httpApiHandler(referenceApi({ ...names, outbox: 'no-such-table' }, client));
  const [key, held, foreign] = [randomUUID(), randomUUID(), randomUUID()];
  // Rows of another layer: one in progress, one completed whose result is no response.
  await leave(held, 'INPROGRESS');
  await leave(foreign, 'COMPLETED');
  const answers = [
    await ask(event(key), context),
    await ask(event(key), context),
    await ask(event(undefined), context),
    await ask(event('a b'), context),
    await ask(event(randomUUID(), { ...body, cents: -1 }), context),
    await ask(event(randomUUID(), body, {}), context),
    await ask(event(held), context),
    await ask(event(key, body, { ...alice, sub: 'bob' }), context),
    await ask(event(key, body, { ...alice, sub: 'bob' }), context),
    await ask(event(key, { ...body, cents: 1 }), context),
    await broken(event(randomUUID()), context),
    await ask(event(foreign), context),
    await ask(event(randomUUID(), { ...body, more: 'x'.repeat(1024 * 1024) }), context),
    await ask(encoded(event(randomUUID())), context),
  ];
  expect(answers.flatMap(undocumented)).toEqual([]);
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([
    202, 202, 400, 400, 400, 401, 409, 403, 403, 422, 503, 500, 413, 415,
  ]);
  const given = Object.entries(operation.responses).filter(([, { content }]) => !onlyFromGateway(content));
  expect([...new Set(answers.map(({ statusCode }) => String(statusCode)))].sort()).toEqual(
    given.map(([status]) => status).sort(),
  );
});

const onlyFromGateway = (content: object) =>
  Object.keys(content).join() === 'application/json' && JSON.stringify(content).includes('/GatewayAnswer');

// https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
test.each([
  [403, 'Forbidden'],
  [403, 'Missing Authentication Token'],
  [403, null],
  [413, 'Request Entity Too Large'],
  [429, 'Too Many Requests'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
  [504, 'Endpoint request timed out'],
])('API Gateway answers %s %s by itself, which is documented', (statusCode, message) => {
  const answer = {
    statusCode,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message }),
  };
  expect(undocumented(answer)).toEqual([]);
});

const encoded = (one: APIGatewayProxyEventV2): APIGatewayProxyEventV2 => ({
  ...one,
  headers: { ...one.headers, 'content-encoding': 'zstd' },
});

async function leave(key: string, status: string): Promise<void> {
  const id = requestId(authenticatedCaller({ claims: alice }) ?? '', request({ path: '/payments' }), key);
  await client.send(
    new PutItemCommand({
      TableName: names.receipts,
      Item: { id: { S: `accept#${id}` }, status: { S: status }, expiration: { N: '9999999999' } },
    }),
  );
}

test('the request is what the handler’s schema takes', () => {
  const { $schema: dialect, ...generated } = mini.toJSONSchema(PaymentRequest, { io: 'input' }) as Json;
  // That of OpenAPI 3.1.
  expect(dialect).toBe('https://json-schema.org/draft/2020-12/schema');
  expect(withoutPatterns(openapi.components.schemas.PaymentRequest)).toEqual(withoutPatterns(generated));
  expect(PaymentRequest.safeParse(body).success).toBe(true);
});

/** `format: date` says what the long pattern beside it says again. */
function withoutPatterns(schema: Json): unknown {
  const properties = schema.properties as Record<string, Json>;
  const bare = Object.entries(properties).map(([name, { pattern, ...rest }]) => [
    name,
    rest.format === undefined ? { pattern, ...rest } : rest,
  ]);
  return { ...schema, properties: Object.fromEntries(bare) as unknown };
}

test('a false document is found out', () => {
  const answer = { statusCode: 202, headers: { 'content-type': 'application/json' } };
  const accepted = JSON.stringify({ paymentId: 'p', status: 'accepted' });
  expect(undocumented({ ...answer, body: accepted })).toEqual([]);
  expect(undocumented({ ...answer, body: '{"paymentId":"p"}' })).toHaveLength(1);
  expect(undocumented({ ...answer, body: accepted, statusCode: 201 })).toEqual([
    'status 201 is not documented',
  ]);
  expect(undocumented({ ...answer, body: accepted, headers: { 'content-type': 'text/html' } })).toHaveLength(
    1,
  );
  const headers = { ...answer.headers, 'x-other': '1', 'idempotent-replayed': 'yes' };
  expect(undocumented({ ...answer, body: accepted, headers })).toHaveLength(2);
});

test('a header is a key by the document if and only if the API takes it for one', () => {
  const documented = new RegExp(openapi.components.parameters.IdempotencyKey.schema.pattern);
  const inside = fc.string({
    unit: fc.constantFrom('a', 'Z', ' ', '!', '~', '\\"', '\\\\', '\\a', '"', ',', ';', '=', '\t', 'é'),
  });
  const long = fc.nat(4).chain((more) => fc.constantFrom('x', '\\"').map((unit) => unit.repeat(253 + more)));
  const parameters = fc.array(
    fc.constantFrom('; a', ';a=1', ';b="x y"', ';*=?1', ';A', ';', 'a', ';c=', ';d="'),
    { maxLength: 2 },
  );
  const header = fc.oneof(
    inside,
    long,
    fc.tuple(fc.oneof(inside, long), parameters).map(([key, rest]) => `"${key}"${rest.join('')}`),
  );
  let keys = 0;
  fc.assert(
    fc.property(header, (text) => {
      const taken = readKey(text).kind === 'key';
      keys += Number(taken);
      // Blanks around it are no part of a field (RFC 9110).
      expect([text, documented.test(text.replace(/^[ \t]+|[ \t]+$/g, ''))]).toEqual([text, taken]);
    }),
    { numRuns: 3_000, seed: 1 },
  );
  expect(keys).toBeGreaterThan(300);
});
