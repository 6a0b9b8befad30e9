import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { ApplicationLogLevel, LayerVersion, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { ChannelKind, HandlerFunction, MessageChannel } from '../../lib/index.js';
import { constructStack, refusal } from '../fixtures/construct-stack.js';
import { consumerIn, dedupAndChannel, existingFunction } from './consumer-in.js';

describe('what else the function can be given', () => {
  test('tracing, a network, layers and a runtime reach it, and it may make its network interfaces', () => {
    const stack = constructStack();
    const vpc = new Vpc(stack, 'Vpc');
    consumerIn(stack, {
      ...{ vpc, tracing: Tracing.ACTIVE, runtime: Runtime.NODEJS_22_X, description: 'settles' },
      layers: [LayerVersion.fromLayerVersionArn(stack, 'Layer', 'arn:aws:lambda:us-east-1:1:layer:logs:1')],
    });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Lambda::Function', {
      Description: 'settles',
      Runtime: 'nodejs22.x',
      TracingConfig: { Mode: 'Active' },
      Layers: ['arn:aws:lambda:us-east-1:1:layer:logs:1'],
      VpcConfig: { SubnetIds: Match.anyValue() },
    });
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Action: Match.arrayWith(['ec2:CreateNetworkInterface']) }),
        ]),
      },
    });
  });

  test('none of it is taken beside a function that is there already', () => {
    const stack = constructStack();
    const given = { entry: undefined, handler: existingFunction(stack), tracing: Tracing.ACTIVE };
    expect(refusal(() => consumerIn(stack, given)).violations).toMatchObject([
      { given: '`tracing` is given beside `handler`', change: 'set `tracing` on the function itself' },
    ]);
  });

  test.each([Runtime.PYTHON_3_13, Runtime.NODEJS_20_X])(
    'a runtime that is not Node.js, or too old, is refused: $name',
    (runtime) => {
      const stack = constructStack();
      expect(refusal(() => consumerIn(stack, { runtime })).violations).toMatchObject([
        { given: `\`runtime\` is ${runtime.name}`, allowed: 'Node.js 22 or later' },
      ]);
    },
  );

  test.each([Runtime.NODEJS_22_X, Runtime.NODEJS_24_X, Runtime.NODEJS_LATEST])('$name will do', (runtime) => {
    expect(() => consumerIn(constructStack(), { runtime })).not.toThrow();
  });

  test.each([ApplicationLogLevel.WARN, ApplicationLogLevel.ERROR, ApplicationLogLevel.FATAL])(
    'a log level that drops the lines which alarms are made of is refused: %s',
    (applicationLogLevel) => {
      expect(refusal(() => consumerIn(constructStack(), { applicationLogLevel })).violations).toMatchObject([
        { given: `\`applicationLogLevel\` is ${applicationLogLevel}` },
      ]);
    },
  );

  test('an entry that exports no handler fails the synth, and not the first message', () => {
    const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Stack');
    const entry = join(__dirname, '..', 'fixtures', 'construct-stack.ts');
    expect(() => new HandlerFunction(stack, 'Handler', { entry })).toThrow(
      /the file exports constructStack, noopEntry, refusal, must be one that exports `handler`/,
    );
  });
});

test('the function is told who it is, where the receipts are and how long they live', () => {
  const stack = constructStack();
  const { dedupTable, channel } = dedupAndChannel(stack);
  consumerIn(stack, { dedupTable, channel, environment: { ACCOUNTS_TABLE: 'accounts' } });
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: {
        ACCOUNTS_TABLE: 'accounts',
        EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
        EXACTLY_ONCE_DEDUP_TABLE: stack.resolve(dedupTable.table.tableName) as unknown,
        EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: stack.resolve(channel.deadLetterQueue.queueUrl) as unknown,
        // 14 days of retries, then four times 4 days in the queue and 14 among the dead letters.
        EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: String(86 * 86_400),
      },
    },
  });
});

test('the mapping reports partial failures, ten messages at a time', () => {
  const stack = constructStack();
  const { channel, dedupTable } = dedupAndChannel(stack);
  const consumer = consumerIn(stack, { channel, dedupTable });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    EventSourceArn: stack.resolve(channel.queue.queueArn) as unknown,
    FunctionName: stack.resolve(consumer.function.functionName) as unknown,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    BatchSize: 10,
    ScalingConfig: Match.absent(),
    MaximumBatchingWindowInSeconds: Match.absent(),
  });
  template.resourceCountIs('AWS::Lambda::EventSourceMapping', 1);
});

test('concurrency is limited at the mapping, never reserved at the function', () => {
  const stack = constructStack();
  consumerIn(stack, { maxConcurrency: 2, batchSize: 1, enabled: false });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    ScalingConfig: { MaximumConcurrency: 2 },
    BatchSize: 1,
    Enabled: false,
  });
  template.hasResourceProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
});

test('Lambda may wait for a batch to fill on Standard, when the visibility timeout covers it to the second', () => {
  const waiting = (stack: Stack, visibilitySeconds: number) => {
    const channel = new MessageChannel(stack, 'Standard', {
      kind: ChannelKind.STANDARD,
      consumerTimeout: Duration.seconds(10),
      visibilityTimeout: Duration.seconds(visibilitySeconds),
    });
    return consumerIn(stack, { channel, maxBatchingWindow: Duration.seconds(30) });
  };
  const stack = constructStack();
  waiting(stack, 90);
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    MaximumBatchingWindowInSeconds: 30,
  });
  expect(refusal(() => waiting(constructStack(), 89)).violations.map(({ id }) => id)).toEqual([
    'visibility-covers-the-function',
  ]);
});

test('the mapping waits for the permission to receive, without which Lambda refuses it', () => {
  const stack = constructStack();
  consumerIn(stack);
  const template = Template.fromStack(stack);
  template.hasResource('AWS::Lambda::EventSourceMapping', {
    DependsOn: Match.arrayWith(Object.keys(template.findResources('AWS::IAM::Policy'))),
  });
});

test('the role may use its queue, its receipts and its log group, and nothing else', () => {
  const stack = constructStack();
  const { dedupTable, channel } = dedupAndChannel(stack);
  consumerIn(stack, { dedupTable, channel });
  const template = Template.fromStack(stack);
  const [logGroup] = Object.keys(template.findResources('AWS::Logs::LogGroup'));
  const allowed = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
    ({ Properties }) =>
      (Properties as { PolicyDocument: { Statement: { Action: string[]; Resource: unknown }[] } })
        .PolicyDocument.Statement,
  );
  const resource = (arn: string) => stack.resolve(arn) as unknown;
  expect(allowed).toEqual([
    expect.objectContaining({
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: { 'Fn::GetAtt': [logGroup, 'Arn'] },
    }),
    expect.objectContaining({ Resource: resource(dedupTable.table.tableArn) }),
    expect.objectContaining({ Resource: resource(channel.queue.queueArn) }),
    expect.objectContaining({
      Action: ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'],
      Resource: resource(channel.deadLetterQueue.queueArn),
    }),
  ]);
  template.allResourcesProperties('AWS::IAM::Role', { ManagedPolicyArns: Match.absent() });
});

test('the function is on Node.js 24 with the timeout of its channel; its logs end after a month', () => {
  const stack = constructStack();
  consumerIn(stack);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Architectures: ['arm64'],
    Timeout: 30,
    MemorySize: 256,
  });
  template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
});

test('what is built from the entry are ES modules, with the SDK inside, that load in Node', () => {
  const app = new App({ builtinCloudFormationValidation: false });
  new HandlerFunction(new Stack(app, 'Stack'), 'Handler', {
    entry: join(__dirname, '..', 'fixtures', 'handlers', 'with-sdk.ts'),
  });
  const { directory } = app.synth();
  const [asset] = readdirSync(directory).filter((name) => name.startsWith('asset.'));
  const folder = join(directory, asset ?? '');
  expect(readdirSync(folder).sort()).toEqual(['chunks', 'index.mjs']);
  const script = `import(${JSON.stringify(join(folder, 'index.mjs'))}).then(({ handler }) => handler()).then(console.log)`;
  // From a folder with no node_modules above it: an SDK that is not inside is not found.
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: 'SQSClient\n', stderr: '' });
});

test.each(['handlers/with-sdk.ts', join(__dirname, 'nobody.ts')])(
  'an entry that is no absolute path of a file is refused: %s',
  (entry) => {
    const stack = constructStack();
    expect(() => new HandlerFunction(stack, 'Handler', { entry })).toThrow(
      `HandlerFunction 'Stack/Handler' has invalid props:\n  - \`entry\` is '${entry}'`,
    );
  },
);

describe('an existing function', () => {
  test('gets the environment, the mapping and the permissions, and keeps the rest', () => {
    const stack = constructStack();
    const handler = existingFunction(stack, Duration.seconds(20));
    const consumer = consumerIn(stack, {
      handler,
      entry: undefined,
      environment: { ACCOUNTS_TABLE: 'accounts' },
    });
    expect(consumer.function).toBe(handler);
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::Lambda::Function', 1);
    template.hasResourceProperties('AWS::Lambda::Function', {
      Timeout: 20,
      Environment: {
        Variables: Match.objectLike({ ACCOUNTS_TABLE: 'accounts', EXACTLY_ONCE_CONSUMER_NAME: 'settlement' }),
      },
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionName: stack.resolve(handler.functionName) as unknown,
    });
  });

  test('fails when its own timeout is too long for the channel', () => {
    const stack = constructStack();
    const handler = existingFunction(stack, Duration.seconds(31));
    expect(refusal(() => consumerIn(stack, { handler, entry: undefined })).violations).toEqual([
      expect.objectContaining({
        id: 'visibility-covers-the-function',
        allowed: expect.stringContaining('3 minutes 6 seconds') as string,
      }),
    ]);
  });

  test('fails when its own timeout leaves no room for a single message', () => {
    const stack = constructStack();
    const handler = existingFunction(stack, Duration.seconds(1));
    expect(refusal(() => consumerIn(stack, { handler, entry: undefined })).violations).toEqual([
      expect.objectContaining({ id: 'function-has-room', given: 'timeout is 1 second' }),
    ]);
  });

  test('counts with the 3 seconds that Lambda gives it when it states no timeout', () => {
    const stack = constructStack();
    const channel = new MessageChannel(stack, 'Short', {
      kind: ChannelKind.FIFO,
      consumerTimeout: Duration.seconds(3),
    });
    expect(() =>
      consumerIn(stack, { channel, handler: existingFunction(stack), entry: undefined }),
    ).not.toThrow();
  });
});
