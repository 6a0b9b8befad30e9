import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from 'aws-lambda';
import {
  anonymousCaller,
  apiKeyCaller,
  authenticatedCaller,
  type CallerOf,
  claimCaller,
  clientCertificateCaller,
  functionUrlHandler,
  httpApiHandler,
  restApiHandler,
  roleSessionCaller,
  type Api,
  type ApiRequest,
  type Identity,
} from '../../runtime/api/index.js';

const context = { getRemainingTimeInMillis: () => 3_000 };
const answer = {
  status: 207,
  headers: { a: 'b' },
  body: 'text' as string | Uint8Array,
  cookies: ['c=1', 'd=2'],
};

/** An API that keeps what it was asked. */
function recording(body = answer.body): { api: Api; asked: ApiRequest[] } {
  const asked: ApiRequest[] = [];
  return {
    asked,
    api: async (request) => {
      asked.push(request);
      return Promise.resolve({ ...answer, body });
    },
  };
}

const v2 = (more: object, authorizer?: object): APIGatewayProxyEventV2 =>
  ({
    version: '2.0',
    rawPath: '/p/%41',
    rawQueryString: 'a=1&a=2',
    headers: { 'Idempotency-Key': 'k', Empty: undefined },
    requestContext: { http: { method: 'post' }, authorizer },
    pathParameters: { id: '1' },
    isBase64Encoded: false,
    ...more,
  }) as unknown as APIGatewayProxyEventV2;

const v1 = (more: object, context_: object = {}): APIGatewayProxyEvent =>
  ({
    httpMethod: 'POST',
    path: '/p',
    headers: { 'Idempotency-Key': 'b', Only: 'one' },
    multiValueHeaders: { 'Idempotency-Key': ['a', 'b'] },
    multiValueQueryStringParameters: { a: ['1', '2'] },
    pathParameters: null,
    requestContext: { path: '/prod/p', identity: {}, authorizer: null, ...context_ },
    body: null,
    isBase64Encoded: false,
    ...more,
  }) as unknown as APIGatewayProxyEvent;

test('HTTP API: the request as it was sent, and the answer with its cookies', async () => {
  const { api, asked } = recording();
  expect(await httpApiHandler(api)(v2({ body: 'é' }), context)).toEqual({
    statusCode: 207,
    headers: { a: 'b' },
    body: 'text',
    isBase64Encoded: false,
    cookies: ['c=1', 'd=2'],
  });
  const [request] = asked;
  expect(request).toMatchObject({
    method: 'POST',
    path: '/p/%41',
    resource: '/p/%41',
    params: { id: '1' },
    identity: {},
  });
  expect(request?.headers).toEqual({ 'idempotency-key': 'k' });
  expect(request?.query.getAll('a')).toEqual(['1', '2']);
  expect(Buffer.from(request?.body ?? []).toString()).toBe('é');
});

test('HTTP API: cookies, which format 2.0 brings apart, are the header that they were', async () => {
  const { api, asked } = recording();
  await httpApiHandler(api)(v2({ cookies: ['session=1', 'theme=dark'] }), context);
  expect(asked[0]?.headers).toEqual({ 'idempotency-key': 'k', cookie: 'session=1; theme=dark' });
});

test.each([
  ['HTTP API', (api: Api) => httpApiHandler(api)(v2({ body: '/w==', isBase64Encoded: true }), context)],
  [
    'function URL',
    (api: Api) => functionUrlHandler(api)(v2({ body: '/w==', isBase64Encoded: true }), context),
  ],
  ['REST API', (api: Api) => restApiHandler(api)(v1({ body: '/w==', isBase64Encoded: true }), context)],
])('%s: bytes go in and out as base64', async (_name, ask) => {
  const { api, asked } = recording(Uint8Array.of(254));
  expect(await ask(api)).toMatchObject({ body: '/g==', isBase64Encoded: true });
  expect([...(asked[0]?.body ?? [])]).toEqual([255]);
});

test('REST API: all values of a header and of the query, the path with its stage', async () => {
  const { api, asked } = recording();
  expect(await restApiHandler(api)(v1({}), context)).toEqual({
    statusCode: 207,
    headers: { a: 'b' },
    multiValueHeaders: { 'set-cookie': ['c=1', 'd=2'] },
    body: 'text',
    isBase64Encoded: false,
  });
  expect(asked[0]).toMatchObject({ method: 'POST', path: '/prod/p', params: {} });
  expect(asked[0]?.headers).toEqual({ 'idempotency-key': 'a, b', only: 'one' });
  expect(asked[0]?.query.getAll('a')).toEqual(['1', '2']);
  expect(asked[0]?.body).toHaveLength(0);
});

test.each<[string, string | undefined, APIGatewayProxyEventV2 | APIGatewayProxyEvent]>([
  ['a route, at the address of the API', '/p/1', v2({ routeKey: 'POST /p/{id}', rawPath: '/prod/p/1' })],
  [
    'a route, at a base path of a custom domain',
    '/p/1',
    v2({ routeKey: 'POST /p/{id}', rawPath: '/v1/p/1' }),
  ],
  [
    'a parameter with a slash is one part',
    '/p/a%2Fb',
    v2({ routeKey: 'ANY /p/{id}', pathParameters: { id: 'a/b' } }),
  ],
  [
    'a greedy parameter is several',
    '/a/b',
    v2({ routeKey: 'ANY /{proxy+}', pathParameters: { proxy: 'a/b' } }),
  ],
  [
    'a slash that is none of the path, within a greedy parameter',
    '/a%2Fb/c',
    v2({ routeKey: 'ANY /{proxy+}', rawPath: '/prod/a%2fb/c', pathParameters: { proxy: 'a/b/c' } }),
  ],
  [
    'the same at a REST API',
    '/v/a%2Fb',
    v1({ pathParameters: { proxy: 'a/b' } }, { path: '/prod/v/%61%2Fb', resourcePath: '/v/{proxy+}' }),
  ],
  [
    'the text of such a slash, which is neither',
    '/a%252Fb',
    v2({ routeKey: 'ANY /{proxy+}', rawPath: '/a%252Fb', pathParameters: { proxy: 'a%2Fb' } }),
  ],
  [
    'a greedy parameter whose path has come decoded',
    '/a%25/b',
    v2({ routeKey: 'ANY /{proxy+}', rawPath: '/prod/a%/b', pathParameters: { proxy: 'a%/b' } }),
  ],
  ['half a character', '/p/%EF%BF%BD', v2({ routeKey: 'ANY /p/{id}', pathParameters: { id: '\ud800' } })],
  ['a parameter that is not told', undefined, v2({ routeKey: 'POST /p/{other}', rawPath: '/p/1' })],
  [
    '$default, with its stage',
    '/p/1',
    v2({
      routeKey: '$default',
      rawPath: '/prod/p/1',
      requestContext: { stage: 'prod', http: { method: 'POST' } },
    }),
  ],
  [
    '$default, at the stage $default, whose name is in no path',
    '/$default/p/1',
    v2({
      routeKey: '$default',
      rawPath: '/$default/p/1',
      requestContext: { stage: '$default', http: { method: 'POST' } },
    }),
  ],
  [
    'a REST API, at its own address',
    '/p/1',
    v1({ pathParameters: { id: '1' } }, { path: '/prod/p/1', resourcePath: '/p/{id}' }),
  ],
  [
    'a REST API, at a custom domain',
    '/p/1',
    v1({ pathParameters: { id: '1' } }, { path: '/v1/p/1', resourcePath: '/p/{id}' }),
  ],
])('one resource whatever way it is called: %s', async (_name, resource, event) => {
  const { api, asked } = recording();
  if ('httpMethod' in event) await restApiHandler(api)(event, context);
  else await httpApiHandler(api)(event, context);
  expect(asked[0]?.resource).toBe(resource);
});

test.each<[string, CallerOf, Identity, string | undefined]>([
  [
    'the session of a role',
    roleSessionCaller,
    { iam: { arn: `arn:aws:sts::1:assumed-role/W/ada` } },
    '["session","arn:aws:sts::1:assumed-role/W/ada"]',
  ],
  [
    'a session that is a person of an identity pool',
    roleSessionCaller,
    { iam: { arn: 'arn:x', cognitoIdentityId: 'us-east-1:1' } },
    '["iam","us-east-1:1"]',
  ],
  ['else whom the default names', roleSessionCaller, { claims: { iss: 'i', sub: 's' } }, '["jwt","i","s"]'],
  [
    'a claim, with its issuer',
    claimCaller('client_id'),
    { claims: { iss: 'i', client_id: 'c' } },
    '["jwt","i","client_id","c"]',
  ],
  ['a claim that is not there', claimCaller('client_id'), { claims: { iss: 'i', sub: 's' } }, undefined],
  ['a claim that is no text', claimCaller('client_id'), { claims: { client_id: ['c'] } }, undefined],
  ['an API key', apiKeyCaller, { apiKeyId: 'abc' }, '["api-key","abc"]'],
  ['no API key', apiKeyCaller, { iam: { arn: 'arn:x' } }, undefined],
  [
    'a client certificate',
    clientCertificateCaller,
    { clientCertificate: { subject: 'CN=a', issuer: 'CN=ca' } },
    '["certificate","CN=ca","CN=a"]',
  ],
  ['no client certificate', clientCertificateCaller, {}, undefined],
])('a caller may be %s', (_name, callerOf, identity, caller) => {
  expect(callerOf(identity)).toBe(caller);
});

test('API keys and client certificates come from where API Gateway puts them', async () => {
  const { api, asked } = recording();
  const clientCert = {
    subjectDN: 'CN=a',
    issuerDN: 'CN=ca',
    serialNumber: '1',
    clientCertPem: '',
    validity: {},
  };
  await httpApiHandler(api)(
    v2({ requestContext: { http: { method: 'POST' }, authentication: { clientCert } } }),
    context,
  );
  await restApiHandler(api)(v1({}, { identity: { clientCert, apiKeyId: 'abc' } }), context);
  expect(asked.map(({ identity }) => clientCertificateCaller(identity))).toEqual([
    '["certificate","CN=ca","CN=a"]',
    '["certificate","CN=ca","CN=a"]',
  ]);
  expect(apiKeyCaller(asked[1]?.identity ?? {})).toBe('["api-key","abc"]');
});

test('the deadline leaves time for the answer', async () => {
  const deadlines: number[] = [];
  const api: Api = async (_request, { deadline }) => {
    deadlines.push(deadline);
    return Promise.resolve(answer);
  };
  const before = Date.now();
  await httpApiHandler(api)(v2({}), context);
  await restApiHandler(api)(v1({}), context);
  for (const deadline of deadlines) {
    expect(deadline).toBeGreaterThanOrEqual(before + 2_750);
    expect(deadline).toBeLessThanOrEqual(Date.now() + 2_750);
  }
});

async function identityOf(event: APIGatewayProxyEventV2): Promise<Identity | undefined> {
  const { api, asked } = recording();
  await httpApiHandler(api)(event, context);
  return asked[0]?.identity;
}
const iam = (userArn: string | null, cognitoIdentity: object | null = null) =>
  v2({}, { iam: { userArn, cognitoIdentity } });
const role = 'arn:aws:sts::111122223333:assumed-role';

test.each([
  ['a user', iam('arn:aws:iam::111122223333:user/alice'), '["iam","arn:aws:iam::111122223333:user/alice"]'],
  ['a role, whoever the session', iam(`${role}/Worker/i-0abc`), `["iam","${role}/Worker"]`],
  [
    'a person of IAM Identity Center',
    iam(`${role}/AWSReservedSSO_Admin_1/alice@example.com`),
    `["iam","${role}/AWSReservedSSO_Admin_1/alice@example.com"]`,
  ],
  [
    'a user of a Cognito identity pool',
    iam(`${role}/Auth/CognitoIdentityCredentials`, { identityId: 'us-east-1:1' }),
    '["iam","us-east-1:1"]',
  ],
  ['a JWT', v2({}, { jwt: { claims: { iss: 'https://i', sub: 's' } } }), '["jwt","https://i","s"]'],
  ['a token without an issuer', v2({}, { jwt: { claims: { sub: 's' } } }), '["jwt","","s"]'],
  ['a JWT without a subject', v2({}, { jwt: { claims: { iss: 'https://i' } } }), undefined],
  ['a function URL without IAM', v2({}), undefined],
  ['an IAM block without an ARN', iam(null), undefined],
  ['a Lambda authorizer', v2({}, { lambda: { user: 'alice' } }), undefined],
])('the caller: %s', async (_name, event, caller) => {
  expect(authenticatedCaller((await identityOf(event)) ?? {})).toBe(caller);
});

test('the caller of a REST API: IAM, a Cognito user pool; what a Lambda authorizer returned is for a function of one’s own', async () => {
  const identities: Identity[] = [];
  for (const of of [
    { identity: { userArn: 'arn:aws:iam::111122223333:user/alice', cognitoIdentityId: null } },
    { authorizer: { claims: { iss: 'https://i', sub: 's' } } },
    { authorizer: { principalId: 'p' } },
  ]) {
    const { api, asked } = recording();
    await restApiHandler(api)(v1({}, of), context);
    identities.push(asked[0]?.identity ?? {});
  }
  expect(identities.map(authenticatedCaller)).toEqual([
    '["iam","arn:aws:iam::111122223333:user/alice"]',
    '["jwt","https://i","s"]',
    undefined,
  ]);
  expect(identities[2]?.context).toEqual({ principalId: 'p' });
});

test('anonymous is a caller only when chosen', () => {
  expect(anonymousCaller({})).toBe('anonymous');
  expect(authenticatedCaller({})).toBeUndefined();
});
