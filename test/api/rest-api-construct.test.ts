import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { InterfaceVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import {
  DedupTable,
  IdempotentApi,
  IdempotentRestApi,
  type IdempotentRestApiProps,
  type KeyedApiProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';
import { functionOptions, functionProperties } from '../fixtures/function-options.js';

type Given = Partial<IdempotentRestApiProps>;
const base = (stack: Stack): KeyedApiProps => ({
  apiName: 'payments',
  routes: [{ path: '/payments' }],
  dedupTable: new DedupTable(stack, 'Dedup'),
  entry: noopEntry,
});
const apiIn = (stack: Stack, given: Given = {}) =>
  new IdempotentRestApi(stack, 'Api', { ...base(stack), ...given });
const templateOf = (given: (stack: Stack) => Given = () => ({})) => {
  const stack = constructStack();
  const api = apiIn(stack, given(stack));
  return { stack, api, template: () => Template.fromStack(stack) };
};

test('callers sign; bytes are passed on, requests are throttled and logged without their content', () => {
  const { stack, api, template } = templateOf(() => ({
    rateLimit: 5,
    routes: [{ path: '/a/{id}', methods: [HttpMethod.PUT, HttpMethod.DELETE] }],
  }));
  api.grantInvoke(new Role(stack, 'Caller', { assumedBy: new AccountRootPrincipal() }));
  const made = template();
  for (const HttpMethod of ['PUT', 'DELETE'])
    made.hasResourceProperties('AWS::ApiGateway::Method', { HttpMethod, AuthorizationType: 'AWS_IAM' });
  made.hasResourceProperties('AWS::ApiGateway::RestApi', { BinaryMediaTypes: ['*/*'] });
  made.hasResourceProperties('AWS::ApiGateway::Stage', {
    AccessLogSetting: Match.objectLike({ DestinationArn: Match.anyValue() }),
    MethodSettings: [
      Match.objectLike({ ThrottlingRateLimit: 5, DataTraceEnabled: false, LoggingLevel: 'OFF' }),
    ],
  });
  made.resourceCountIs('AWS::CloudWatch::Alarm', 2);
  made.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: Match.objectLike({ EXACTLY_ONCE_API_NAME: 'payments' }) },
  });
});

test('the account’s role for access logs is made when it is asked for, and stays when the stack goes', () => {
  templateOf().template().resourceCountIs('AWS::ApiGateway::Account', 0);
  const made = templateOf(() => ({ accountLogRole: true })).template();
  made.hasResource('AWS::ApiGateway::Account', { DeletionPolicy: 'Retain' });
  made.hasResource('AWS::IAM::Role', {
    Properties: {
      AssumeRolePolicyDocument: {
        Statement: [Match.objectLike({ Principal: { Service: 'apigateway.amazonaws.com' } })],
      },
    },
    DeletionPolicy: 'Retain',
  });
  // API Gateway refuses a stage with access logs as long as there is no role.
  made.hasResource('AWS::ApiGateway::Stage', {
    DependsOn: Match.arrayWith([Match.stringLikeRegexp('Account')]),
  });
});

test('the function can be given a network, traces, layers and a runtime', () => {
  templateOf(functionOptions).template().hasResourceProperties('AWS::Lambda::Function', functionProperties);
});

test('a usage plan with keys, and a firewall in front', () => {
  const webAclArn = 'arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/1';
  const { template, api } = templateOf(() => ({ apiKeys: true, dailyQuota: 100, webAclArn }));
  const made = template();
  made.hasResourceProperties('AWS::ApiGateway::Method', { HttpMethod: 'POST', ApiKeyRequired: true });
  made.hasResourceProperties('AWS::ApiGateway::UsagePlan', {
    Quota: { Limit: 100, Period: 'DAY' },
    ApiStages: [Match.anyValue()],
  });
  made.hasResourceProperties('AWS::WAFv2::WebACLAssociation', { WebACLArn: webAclArn });
  expect(api.usagePlan).toBeDefined();
});

test('a private endpoint is called through the given ones alone', () => {
  const { template } = templateOf((stack) => ({
    vpcEndpoints: [
      InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(stack, 'E', {
        vpcEndpointId: 'vpce-1',
        port: 443,
      }),
    ],
  }));
  template().hasResourceProperties('AWS::ApiGateway::RestApi', {
    EndpointConfiguration: { Types: ['PRIVATE'], VpcEndpointIds: ['vpce-1'] },
    Policy: {
      Statement: [
        Match.objectLike({ Effect: 'Allow' }),
        Match.objectLike({
          Effect: 'Deny',
          Condition: { StringNotEquals: { 'aws:SourceVpce': ['vpce-1'] } },
        }),
      ],
    },
  });
});

test.each<[string, Given, string[]]>([
  ['a quota of nobody', { dailyQuota: 5 }, ['quota-needs-keys']],
  ['a quota of 0', { apiKeys: true, dailyQuota: 0 }, ['quota-above-zero']],
  ['no endpoint', { vpcEndpoints: [] }, ['endpoints-given']],
  ['an origin with a path', { corsOrigins: ['https://a.example/b'] }, ['cors-origins-given']],
  ['no origin', { corsOrigins: [] }, ['cors-origins-given']],
  ['headers of no origin', { corsHeaders: ['x-a'] }, ['cors-origins-given']],
  ['a name that is none', { apiName: 'a b' }, ['api-name-stable']],
])('refuses %s', (_what, given, ids) => {
  expect(refusal(() => apiIn(constructStack(), given)).violations.map(({ id }) => id)).toEqual(ids);
});

test.each(['HTTP', 'REST'])(
  '%s: pages of the given origins may send keys and see what came of them',
  (kind) => {
    const stack = constructStack();
    const given = {
      ...base(stack),
      corsOrigins: ['https://shop.example'],
      corsHeaders: ['x-tenant'],
      routes: [{ path: '/a', methods: [HttpMethod.POST, HttpMethod.DELETE] }],
    };
    if (kind === 'HTTP') new IdempotentApi(stack, 'Api', given);
    else new IdempotentRestApi(stack, 'Api', given);
    const template = Template.fromStack(stack);
    const text = JSON.stringify(template.toJSON());
    for (const said of [
      'https://shop.example',
      'idempotency-key',
      'x-tenant',
      'x-should-retry',
      'idempotent-replayed',
    ])
      expect(text).toContain(said);
    if (kind === 'HTTP')
      template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
        CorsConfiguration: Match.objectLike({
          AllowMethods: ['POST', 'DELETE'],
          AllowOrigins: given.corsOrigins,
        }),
      });
  },
);

test('what is kept at rest may have a key of one’s own: access logs and big answers', () => {
  const stack = constructStack();
  new IdempotentApi(stack, 'Api', {
    ...base(stack),
    bigResponses: true,
    encryptionKey: new Key(stack, 'Key'),
  });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Logs::LogGroup', { KmsKeyId: Match.anyValue() });
  template.hasResourceProperties('AWS::S3::Bucket', {
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: Match.objectLike({ SSEAlgorithm: 'aws:kms' }),
        },
      ],
    },
  });
  template.hasResourceProperties('AWS::KMS::Key', {
    KeyPolicy: {
      Statement: Match.arrayWith([Match.objectLike({ Action: Match.arrayWith(['kms:GenerateDataKey*']) })]),
    },
  });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([Match.objectLike({ Action: Match.arrayWith(['kms:Decrypt']) })]),
    },
  });
});

test.each<[string, Given]>([
  ['with its defaults', {}],
  [
    'with everything',
    {
      apiKeys: true,
      accountLogRole: true,
      bigResponses: true,
      webAclArn: 'arn:aws:wafv2:us-east-1:111122223333:regional/webacl/a/1',
    },
  ],
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
