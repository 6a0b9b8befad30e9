import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Code, Function as LambdaFunction, LayerVersion, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import {
  ChannelKind,
  DedupTable,
  HandlerFunction,
  IdempotentConsumer,
  MessageChannel,
  type IdempotentConsumerProps,
  type MessageChannelProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

type Given = Partial<IdempotentConsumerProps>;

/** A consumer with the given props, on a channel and a table with their defaults unless given too. */
function consumerIn(stack: Stack, given: Given = {}): IdempotentConsumer {
  return new IdempotentConsumer(stack, 'Consumer', {
    dedupTable: given.dedupTable ?? new DedupTable(stack, 'Dedup'),
    channel: given.channel ?? new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
    consumerName: 'settlement',
    entry: noopEntry,
    ...given,
  });
}

function dedupAndChannel(stack: Stack): { dedupTable: DedupTable; channel: MessageChannel } {
  return {
    dedupTable: new DedupTable(stack, 'Dedup'),
    channel: new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
  };
}

function existingFunction(stack: Stack, timeout?: Duration): LambdaFunction {
  return new LambdaFunction(stack, 'Existing', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = () => {}'),
    timeout,
  });
}

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

  test('a runtime that is not Node.js is refused', () => {
    const stack = constructStack();
    expect(refusal(() => consumerIn(stack, { runtime: Runtime.PYTHON_3_13 })).violations).toMatchObject([
      { given: '`runtime` is python3.13' },
    ]);
  });

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

describe('fails when', () => {
  const seconds = (value: number) => Duration.seconds(value);
  test.each<[string, Given, string]>([
    [
      'the name holds what a receipt id is split by',
      { consumerName: 'settlement#1' },
      "consumerName is 'settlement#1', must be 1 to 64 of A-Z a-z 0-9 _ . -: choose a fixed `consumerName`: receipts are found by it for as long as they are kept [consumer-name-stable]",
    ],
    [
      'the name is longer than 64',
      { consumerName: 'x'.repeat(65) },
      `consumerName is '${'x'.repeat(65)}', must be 1 to 64 of A-Z a-z 0-9 _ . -: choose a fixed \`consumerName\`: receipts are found by it for as long as they are kept [consumer-name-stable]`,
    ],
    [
      'there is no function',
      { entry: undefined },
      'neither `entry` nor `handler` is given, must be exactly one of them: give `entry` [one-function]',
    ],
    [
      'a variable of the construct is set by hand',
      { environment: { EXACTLY_ONCE_DEDUP_TABLE: 'mine' } },
      "environment has 'EXACTLY_ONCE_DEDUP_TABLE', must be free of names that begin with EXACTLY_ONCE_: rename the variable; the construct sets its own from the other props [environment-reserved]",
    ],
    [
      'redrives cannot be counted',
      { maxRedrives: 1.5 },
      'maxRedrives is 1.5, must be a whole number from 0: change `maxRedrives` [redrives-countable]',
    ],
    [
      'a batching window is asked of FIFO',
      { maxBatchingWindow: seconds(0) },
      '`maxBatchingWindow` is given, must be left out on a FIFO channel: remove `maxBatchingWindow`, Lambda has none for FIFO queues [batching-window-is-standard]',
    ],
    [
      'the visibility timeout does not cover six runs',
      { timeout: seconds(31) },
      "visibility timeout of 'Stack/Channel' is 3 minutes, must be at least 3 minutes 6 seconds (6 x timeout + maxBatchingWindow): raise `consumerTimeout` or `visibilityTimeout` of 'Stack/Channel', or lower `timeout` [visibility-covers-the-function]",
    ],
    [
      'the timeout leaves no room for a single message',
      { timeout: seconds(2) },
      "timeout is 2 seconds, must be at least 3 seconds (time to handle and commit one message): raise the timeout of the function: `timeout`, or `consumerTimeout` of 'Stack/Channel' [function-has-room]",
    ],
    [
      'a batch is larger than ten',
      { batchSize: 11 },
      'batchSize is 11, must be a whole number from 1 to 10: change `batchSize` [batch-fits-one-transaction]',
    ],
    [
      'a batch is empty',
      { batchSize: 0 },
      'batchSize is 0, must be a whole number from 1 to 10: change `batchSize` [batch-fits-one-transaction]',
    ],
    [
      'receipts are forgotten one second too early',
      { receiptRetention: seconds(86 * 86_400 - 1) },
      'receiptRetention is 85 days 23 hours 59 minutes 59 seconds, must be at least 86 days (producerRetryHorizon + (1 + maxRedrives) x (retention + deadLetterRetention)): raise `receiptRetention`, or lower `producerRetryHorizon`, `maxRedrives` or the retentions of the channel [receipts-outlive-the-horizon]',
    ],
    [
      'there is less concurrency than Lambda can limit to',
      { maxConcurrency: 1 },
      'maxConcurrency is 1, must be a whole number from 2 to 1000: change `maxConcurrency`, or leave it out for no limit [concurrency-limited-at-the-mapping]',
    ],
    [
      'there is more concurrency than Lambda can limit to',
      { maxConcurrency: 1001 },
      'maxConcurrency is 1001, must be a whole number from 2 to 1000: change `maxConcurrency`, or leave it out for no limit [concurrency-limited-at-the-mapping]',
    ],
  ])('%s', (_, given, message) => {
    const error = refusal(() => consumerIn(constructStack(), given));
    expect(error.message).toBe(`IdempotentConsumer 'Stack/Consumer' has invalid props:\n  - ${message}`);
  });

  test('two consumers of one table have one name, and says where both are', () => {
    const stack = constructStack();
    const { dedupTable, channel } = dedupAndChannel(stack);
    new IdempotentConsumer(stack, 'First', {
      consumerName: 'settlement',
      dedupTable,
      channel,
      entry: noopEntry,
    });
    const other = new MessageChannel(stack, 'OtherChannel', { kind: ChannelKind.FIFO });
    expect(refusal(() => consumerIn(stack, { dedupTable, channel: other })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        "  - consumerName is 'settlement', which 'Stack/First' has too, must be unique on the table 'Stack/Dedup': give each consumer its own `consumerName`, or its own `dedupTable` [consumer-name-unique]",
    );
  });

  test('two consumers share a channel, because each would get only some of its messages', () => {
    const stack = constructStack();
    const { dedupTable, channel } = dedupAndChannel(stack);
    new IdempotentConsumer(stack, 'First', { consumerName: 'other', dedupTable, channel, entry: noopEntry });
    expect(refusal(() => consumerIn(stack, { dedupTable, channel })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        "  - channel is 'Stack/Channel', which 'Stack/First' consumes, must be a channel that nobody else consumes, because each message goes to one receiver: give each consumer its own `channel` [one-consumer-per-channel]",
    );
  });

  test('an entry and a function are both given', () => {
    const stack = constructStack();
    expect(refusal(() => consumerIn(stack, { handler: existingFunction(stack) })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        '  - `entry` and `handler` are both given, must be exactly one of them: remove `handler` or `entry` [one-function]',
    );
  });

  test('an existing function is to be shaped', () => {
    const stack = constructStack();
    const given = {
      entry: undefined,
      handler: existingFunction(stack),
      memorySize: 512,
      timeout: seconds(3),
    };
    expect(refusal(() => consumerIn(stack, given)).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        '  - `timeout` is given beside `handler`, must be left out: set `timeout` on the function itself [one-function]\n' +
        '  - `memorySize` is given beside `handler`, must be left out: set `memorySize` on the function itself [one-function]',
    );
  });

  test('several things are wrong: all are in one error, and nothing has been registered', () => {
    const stack = constructStack();
    const { dedupTable, channel } = dedupAndChannel(stack);
    const given = { dedupTable, channel, batchSize: 20, maxConcurrency: 1, entry: undefined };
    expect(refusal(() => consumerIn(stack, given)).violations.map(({ id }) => id)).toEqual([
      'one-function',
      'batch-fits-one-transaction',
      'concurrency-limited-at-the-mapping',
    ]);
    const again = { consumerName: 'settlement', dedupTable, channel, entry: noopEntry };
    expect(() => new IdempotentConsumer(stack, 'Again', again)).not.toThrow();
  });
});

test('consumers of one table with different names, and of two tables with one name, are fine', () => {
  const stack = constructStack();
  const { dedupTable } = dedupAndChannel(stack);
  const consumer = (id: string, consumerName: string, table: DedupTable) =>
    new IdempotentConsumer(stack, id, {
      consumerName,
      dedupTable: table,
      channel: new MessageChannel(stack, `${id}Channel`, { kind: ChannelKind.FIFO }),
      entry: noopEntry,
    });
  consumer('A', 'settlement', dedupTable);
  consumer('B', 'mail', dedupTable);
  consumer('C', 'settlement', new DedupTable(stack, 'OtherDedup'));
  Template.fromStack(stack).resourceCountIs('AWS::Lambda::EventSourceMapping', 3);
});

test('the horizon follows the channel, the producer and the redrives', () => {
  const stack = constructStack();
  const retentions: Partial<MessageChannelProps> = {
    retention: Duration.hours(1),
    deadLetterRetention: Duration.days(2),
  };
  const channel = new MessageChannel(stack, 'Short', { kind: ChannelKind.FIFO, ...retentions });
  const consumer = consumerIn(stack, { channel, producerRetryHorizon: Duration.days(1), maxRedrives: 0 });
  expect(consumer.receiptRetention.toHours()).toBe(24 + 1 + 48);
});

describe('a value that is known only at deployment', () => {
  const numberIn = (stack: Stack) => new CfnParameter(stack, 'Number', { type: 'Number' }).valueAsNumber;
  const ref = { Ref: 'Number' };

  test('is passed on unchecked: batch size and concurrency', () => {
    const stack = constructStack();
    const token = numberIn(stack);
    consumerIn(stack, { batchSize: token, maxConcurrency: token });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: ref,
      ScalingConfig: { MaximumConcurrency: ref },
    });
  });

  test('is passed on unchecked: timeout and retention of receipts', () => {
    const stack = constructStack();
    const token = Duration.seconds(numberIn(stack));
    consumerIn(stack, { timeout: token, receiptRetention: token });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Timeout: ref,
      Environment: { Variables: Match.objectLike({ EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: ref }) },
    });
  });

  test('fails when it is the name: receipts are found by it for months', () => {
    const stack = constructStack();
    const consumerName = new CfnParameter(stack, 'Name').valueAsString;
    expect(refusal(() => consumerIn(stack, { consumerName })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        '  - consumerName is a token, must be a plain string: choose a fixed `consumerName`: receipts are found by it for as long as they are kept [consumer-name-stable]',
    );
  });

  test('fails when the retention of receipts would derive from it', () => {
    const stack = constructStack();
    expect(refusal(() => consumerIn(stack, { maxRedrives: numberIn(stack) })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        '  - receiptRetention is left to a default that depends on a token, must be known at synth: give `receiptRetention`, or plain values for `producerRetryHorizon`, `maxRedrives` and the retentions of the channel [known-at-synth]',
    );
  });
});
