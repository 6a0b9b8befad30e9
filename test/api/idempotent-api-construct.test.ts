import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { HttpMethod, HttpNoneAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import {
  ChannelKind,
  DedupTable,
  IdempotentApi,
  IdempotentConsumer,
  MessageChannel,
  type IdempotentApiProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';
import { functionOptions, functionProperties } from '../fixtures/function-options.js';

type Given = Partial<IdempotentApiProps>;

function apiIn(stack: Stack, given: Given = {}): IdempotentApi {
  return new IdempotentApi(stack, 'Api', {
    apiName: 'payments',
    routes: [{ path: '/payments' }],
    dedupTable:
      given.dedupTable ?? (given.receiptsInPostgres === true ? undefined : new DedupTable(stack, 'Dedup')),
    entry: noopEntry,
    ...given,
  });
}

function templateOf(given: Given = {}): { template: Template; stack: Stack; api: IdempotentApi } {
  const stack = constructStack();
  const api = apiIn(stack, given);
  return { stack, api, template: Template.fromStack(stack) };
}

test('the function is told who it is, where the receipts are and how long a key is known', () => {
  const { template } = templateOf({ environment: { ACCOUNTS_TABLE: 'accounts' } });
  const [table] = Object.keys(template.findResources('AWS::DynamoDB::Table'));
  template.hasResourceProperties('AWS::Lambda::Function', {
    Timeout: 10,
    MemorySize: 256,
    Environment: {
      Variables: {
        ACCOUNTS_TABLE: 'accounts',
        EXACTLY_ONCE_API_NAME: 'payments',
        EXACTLY_ONCE_DEDUP_TABLE: { Ref: table },
        EXACTLY_ONCE_WINDOW_SECONDS: '86400',
        EXACTLY_ONCE_RESPONSE_BUCKET: Match.absent(),
      },
    },
  });
});

test('with its receipts in Postgres it has no table, and no permission on one', () => {
  const { template } = templateOf({ receiptsInPostgres: true });
  template.resourceCountIs('AWS::DynamoDB::Table', 0);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: {
        EXACTLY_ONCE_API_NAME: 'payments',
        EXACTLY_ONCE_DEDUP_TABLE: Match.absent(),
        EXACTLY_ONCE_WINDOW_SECONDS: '86400',
      },
    },
  });
  expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).not.toContain('dynamodb:');
});

test('receipts are in one place: fails with both, with neither, and with a bucket beside Postgres', () => {
  const stack = constructStack();
  const fails = (id: string, given: Given) =>
    refusal(() => new IdempotentApi(stack, id, { ...base, ...given })).message;
  const base = { apiName: 'payments', routes: [{ path: '/payments' }], entry: noopEntry };
  expect(fails('Neither', {})).toContain('one-store');
  expect(fails('Both', { dedupTable: new DedupTable(stack, 'Dedup'), receiptsInPostgres: true })).toContain(
    '`dedupTable` and `receiptsInPostgres` are both given',
  );
  expect(fails('Bucket', { receiptsInPostgres: true, bigResponses: true })).toContain(
    'no-bucket-beside-postgres',
  );
});

test('the function can be given a network, traces, layers and a runtime', () => {
  const stack = constructStack();
  apiIn(stack, functionOptions(stack));
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', functionProperties);
});

test('callers sign; requests are throttled and logged', () => {
  const { template } = templateOf({ rateLimit: 5, burstLimit: 7 });
  template.hasResourceProperties('AWS::ApiGatewayV2::Route', {
    RouteKey: 'POST /payments',
    AuthorizationType: 'AWS_IAM',
  });
  template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
    StageName: '$default',
    DefaultRouteSettings: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 7 },
    AccessLogSettings: { DestinationArn: Match.anyValue(), Format: Match.stringLikeRegexp('invocation') },
  });
});

test('every route has its methods', () => {
  const { template } = templateOf({
    routes: [{ path: '/a', methods: [HttpMethod.GET, HttpMethod.PUT] }, { path: '/b' }],
  });
  const routes = Object.values(template.findResources('AWS::ApiGatewayV2::Route')) as {
    Properties: { RouteKey: string };
  }[];
  expect(routes.map(({ Properties }) => Properties.RouteKey).sort()).toEqual(['GET /a', 'POST /b', 'PUT /a']);
});

test('another authorizer names the callers; nobody does when everybody is anonymous', () => {
  const jwt = templateOf({
    authorizer: new HttpJwtAuthorizer('Jwt', 'https://issuer.example', { jwtAudience: ['api'] }),
  });
  jwt.template.hasResourceProperties('AWS::ApiGatewayV2::Route', { AuthorizationType: 'JWT' });
  expect(() =>
    jwt.api.grantInvoke(new Role(jwt.stack, 'R', { assumedBy: new AccountRootPrincipal() })),
  ).toThrow('IAM');
  templateOf({ anonymous: true }).template.hasResourceProperties('AWS::ApiGatewayV2::Route', {
    AuthorizationType: 'NONE',
  });
});

interface Policy {
  readonly Properties: {
    readonly Roles: readonly { readonly Ref: string }[];
    readonly PolicyDocument: { readonly Statement: readonly { Action: string | string[] }[] };
  };
}
const actionsOf = (template: Template, role: string) =>
  (Object.values(template.findResources('AWS::IAM::Policy')) as unknown as Policy[])
    .filter(({ Properties }) => Properties.Roles.some(({ Ref }) => Ref.startsWith(role)))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement.flatMap(({ Action }) => Action))
    .sort();

test('the function may use its receipts and its log group, and nothing else; callers are given the routes', () => {
  const stack = constructStack();
  const api = apiIn(stack, { routes: [{ path: '/a' }, { path: '/b' }] });
  api.grants.invoke(new Role(stack, 'Caller', { assumedBy: new AccountRootPrincipal() }));
  const template = Template.fromStack(stack);
  expect(actionsOf(template, 'ApiHandler')).toEqual([
    'dynamodb:BatchGetItem',
    'dynamodb:ConditionCheckItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:UpdateItem',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
  ]);
  expect(actionsOf(template, 'Caller')).toEqual(['execute-api:Invoke', 'execute-api:Invoke']);
});

test('big answers have a bucket that forgets them after the window, and that the function may list', () => {
  const { template, api } = templateOf({ bigResponses: true, window: Duration.hours(30) });
  template.hasResourceProperties('AWS::S3::Bucket', {
    LifecycleConfiguration: { Rules: [Match.objectLike({ ExpirationInDays: 3, Status: 'Enabled' })] },
    PublicAccessBlockConfiguration: Match.objectLike({ BlockPublicAcls: true }),
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: Match.objectLike({ EXACTLY_ONCE_RESPONSE_BUCKET: Match.anyValue() }) },
  });
  const actions = actionsOf(template, 'ApiHandler').filter((action) => action.startsWith('s3:'));
  expect(actions).toEqual(['s3:GetObject', 's3:ListBucket', 's3:PutObject']);
  expect(api.responseBucket).toBeDefined();
  expect(templateOf().api.responseBucket).toBeUndefined();
});

test('alarms on requests that nobody knows the end of, and on those that come near it', () => {
  const { template } = templateOf({ timeout: Duration.seconds(20) });
  template.resourceCountIs('AWS::CloudWatch::Alarm', 2);
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    Threshold: 5,
    MetricName: '5xx',
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { Threshold: 16_000, ExtendedStatistic: 'p99' });
});

test.each<[string, Given, string[]]>([
  [
    'clients that try longer than a key is known',
    { clientRetryHorizon: Duration.hours(24) },
    ['window-covers-client-retries'],
  ],
  ['a window beyond 30 days', { window: Duration.days(31) }, ['window-is-bounded']],
  [
    'a window of no time',
    { window: Duration.seconds(0) },
    ['window-is-bounded', 'window-covers-client-retries'],
  ],
  ['a window of broken seconds', { window: Duration.millis(86_400_500) }, ['window-is-bounded']],
  ['a function that outlives the gateway', { timeout: Duration.seconds(30) }, ['answer-before-the-gateway']],
  ['a name that is none', { apiName: 'a b' }, ['api-name-stable']],
  ['no route', { routes: [] }, ['routes-given']],
  ['a variable of ours', { environment: { EXACTLY_ONCE_X: '1' } }, ['environment-reserved']],
  ['a rate of 0', { rateLimit: 0 }, ['throttle-above-zero']],
  ['nobody who names callers', { authorizer: new HttpNoneAuthorizer() }, ['callers-known']],
  [
    'anonymous callers who are named',
    { anonymous: true, authorizer: new HttpNoneAuthorizer() },
    ['callers-known'],
  ],
])('refuses %s', (_what, given, ids) => {
  expect(refusal(() => apiIn(constructStack(), given)).violations.map(({ id }) => id)).toEqual(ids);
});

test('the longest that is allowed is allowed', () => {
  templateOf({
    window: Duration.days(30),
    clientRetryHorizon: Duration.days(30).minus(Duration.seconds(29)),
    timeout: Duration.seconds(29),
  });
});

test('a name that an API or a consumer of the same table has is refused', () => {
  const stack = constructStack();
  const dedupTable = new DedupTable(stack, 'Dedup');
  new IdempotentConsumer(stack, 'Consumer', {
    consumerName: 'payments',
    dedupTable,
    channel: new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
    entry: noopEntry,
  });
  const refused = refusal(() => apiIn(stack, { dedupTable }));
  expect(refused.message).toContain("apiName is 'payments', which 'Stack/Consumer' has too");
});

test('what holds is in GUARANTEES.md, with the cost', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'api-'));
  try {
    const context = { 'aws:cdk:bundling-stacks': [] };
    const app = new App({ outdir, builtinCloudFormationValidation: false, context });
    apiIn(new Stack(app, 'Stack'), { writesPerRequest: 3 });
    app.synth();
    const report = readFileSync(join(outdir, 'GUARANTEES.md'), 'utf8');
    const section = report.slice(report.indexOf('## Stack/Api (IdempotentApi)'));
    for (const id of [
      'window-covers-client-retries | window is 1 day | at least 12 hours 10 seconds (clientRetryHorizon + timeout)',
      'window-is-bounded | longest window is 30 days | at least 1 day (window)',
      'answer-before-the-gateway | longest wait of API Gateway is 29 seconds | at least 10 seconds (timeout)',
      "api-name-unique | apiName is 'payments'",
      '8 write units (2 for the receipt, 6 for 3 items of 2) x $0.625',
    ])
      expect(section).toContain(id);
  } finally {
    rmSync(outdir, { recursive: true });
  }
});

test.each<[string, Given]>([
  ['with its defaults', {}],
  ['with everything', { bigResponses: true, anonymous: true }],
])('cdk-nag has nothing to say, %s', (_what, given) => {
  const outdir = mkdtempSync(join(tmpdir(), 'api-'));
  try {
    const app = new App({ outdir, context: { 'aws:cdk:bundling-stacks': [] } });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
    apiIn(new Stack(app, 'Stack'), given);
    app.synth();
  } finally {
    rmSync(outdir, { recursive: true });
  }
});
