import type { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import {
  ChannelKind,
  DedupTable,
  HandlerFunction,
  IdempotentApi,
  IdempotentConsumer,
  IdempotentRestApi,
  JobQueue,
  MessageChannel,
  OutboxRelay,
  OutboxTable,
  RelayTarget,
} from '../../lib/index.js';
import { constructStack, noopEntry } from '../fixtures/construct-stack.js';

const entry = noopEntry;
const routes = [{ path: '/payments' }];

/** Every construct that makes a log group. */
const makers: Record<string, (stack: Stack, keys: { encryptionKey?: IKey }) => void> = {
  HandlerFunction: (stack, keys) => new HandlerFunction(stack, 'Function', { entry, ...keys }),
  IdempotentConsumer: (stack, keys) =>
    new IdempotentConsumer(stack, 'Consumer', {
      consumerName: 'a',
      channel: new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
      dedupTable: new DedupTable(stack, 'Dedup'),
      entry,
      ...keys,
    }),
  IdempotentApi: (stack, keys) =>
    new IdempotentApi(stack, 'Api', {
      apiName: 'a',
      routes,
      dedupTable: new DedupTable(stack, 'Dedup'),
      entry,
      ...keys,
    }),
  IdempotentRestApi: (stack, keys) =>
    new IdempotentRestApi(stack, 'Api', {
      apiName: 'a',
      routes,
      dedupTable: new DedupTable(stack, 'Dedup'),
      entry,
      ...keys,
    }),
  'JobQueue on Lambda': (stack, keys) =>
    new JobQueue(stack, 'Jobs', {
      consumerName: 'a',
      dedupTable: new DedupTable(stack, 'Dedup'),
      entry,
      ...keys,
    }),
  'JobQueue on Fargate': (stack, keys) =>
    new JobQueue(stack, 'Jobs', {
      consumerName: 'a',
      dedupTable: new DedupTable(stack, 'Dedup'),
      cluster: new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc') }),
      image: ContainerImage.fromRegistry('example/worker'),
      ...keys,
    }),
  OutboxRelay: (stack, keys) =>
    new OutboxRelay(stack, 'Relay', {
      outbox: new OutboxTable(stack, 'Outbox'),
      targets: [RelayTarget.channel(new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }))],
      entry,
      ...keys,
    }),
};

/** The keys of the log groups of a template: `undefined` for one of AWS. */
const logKeys = (template: Template) =>
  Object.values(template.findResources('AWS::Logs::LogGroup')).map(
    ({ Properties }) => (Properties as { KmsKeyId?: unknown }).KmsKeyId,
  );

test.each(Object.entries(makers))('%s gives all its log groups the key', (_name, make) => {
  const stack = constructStack();
  const encryptionKey = new Key(stack, 'Key');
  make(stack, { encryptionKey });
  const template = Template.fromStack(stack);
  const keys = logKeys(template);
  expect(keys.length).toBeGreaterThan(0);
  expect(new Set(keys.map((key) => JSON.stringify(key)))).toEqual(
    new Set([JSON.stringify(stack.resolve(encryptionKey.keyArn))]),
  );
  // Without it CloudWatch Logs refuses to make the group. However many there are: a policy has a largest size.
  const [key] = Object.values(template.findResources('AWS::KMS::Key'));
  const { Statement } = (key as { Properties: { KeyPolicy: { Statement: { Principal: object }[] } } })
    .Properties.KeyPolicy;
  const logs = Statement.filter(({ Principal }) => JSON.stringify(Principal).includes('logs.'));
  expect(logs).toEqual([
    expect.objectContaining({
      Effect: 'Allow',
      Action: ['kms:Encrypt*', 'kms:Decrypt*', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
      Condition: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': { 'Fn::Join': ['', expect.arrayContaining(['arn:'])] },
        },
      },
    }),
  ]);
});

test.each(Object.entries(makers))('%s keeps no log for ever', (_name, make) => {
  const stack = constructStack();
  make(stack, {});
  const template = Template.fromStack(stack);
  expect(logKeys(template).every((key) => key === undefined)).toBe(true);
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
});

test('what a relay gives up has the key as well, and so have the queues of jobs', () => {
  const stack = constructStack();
  const encryptionKey = new Key(stack, 'Key');
  makers.OutboxRelay?.(stack, { encryptionKey });
  new JobQueue(stack, 'Jobs', {
    consumerName: 'a',
    dedupTable: new DedupTable(stack, 'Dedup'),
    entry,
    encryptionKey,
  });
  const template = Template.fromStack(stack);
  const kmsKey = stack.resolve(encryptionKey.keyArn) as unknown;
  template.hasResourceProperties('AWS::S3::Bucket', {
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: kmsKey } },
      ],
    },
  });
  template.resourcePropertiesCountIs('AWS::SQS::Queue', { KmsMasterKeyId: kmsKey }, 2);
});

test('a key whose policy cannot be changed here is warned of', () => {
  const stack = constructStack({ account: '111122223333', region: 'us-east-1' });
  const arn = 'arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000';
  new HandlerFunction(stack, 'Function', { entry, encryptionKey: Key.fromKeyArn(stack, 'Key', arn) });
  Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('let CloudWatch Logs use the key'));
});

describe.each(['IdempotentApi', 'IdempotentRestApi'])('access logs of %s', (name) => {
  const formatOf = (more: object) => {
    const stack = constructStack();
    makers[name]?.(stack, more);
    const [type, setting] =
      name === 'IdempotentApi'
        ? ['AWS::ApiGatewayV2::Stage', 'AccessLogSettings']
        : ['AWS::ApiGateway::Stage', 'AccessLogSetting'];
    const [stage] = Object.values(Template.fromStack(stack).findResources(type));
    const { Format } =
      (stage as { Properties: Record<string, { Format: string }> }).Properties[setting] ?? {};
    return JSON.parse(Format ?? '') as Record<string, string>;
  };

  test('name nobody who calls, and lead to the line of the function', () => {
    const format = formatOf({});
    expect(Object.values(format).join(' ')).not.toMatch(/identity|authorizer|context\.path|userAgent/i);
    expect(format).toMatchObject({
      requestId: '$context.requestId',
      invocation: '$context.integration.requestId',
    });
  });

  test('name the caller where the account wants to know', () => {
    expect(formatOf({ callersInAccessLogs: true })).toMatchObject({
      caller: '$context.identity.userArn',
      sourceIp: '$context.identity.sourceIp',
    });
  });
});
