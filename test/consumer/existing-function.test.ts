import { Duration, type Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Role } from 'aws-cdk-lib/aws-iam';
import { Alias, Code, Function as LambdaFunction, Runtime, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import {
  ChannelKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  type IdempotentConsumerProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:settle';

function consumerIn(
  stack: Stack,
  handler: IFunction,
  given: Partial<IdempotentConsumerProps> = {},
): IdempotentConsumer {
  return new IdempotentConsumer(stack, 'Consumer', {
    consumerName: 'settlement',
    dedupTable: new DedupTable(stack, 'Dedup'),
    channel: new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
    handler,
    ...given,
  });
}

const warnings = (stack: Stack) =>
  Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('unproven'));

test('a function that the app refers to gets the mapping; the environment is left to its owner', () => {
  const stack = constructStack();
  const consumer = consumerIn(stack, LambdaFunction.fromFunctionArn(stack, 'Theirs', functionArn));
  expect(consumer.function.functionArn).toBe(functionArn);
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::Lambda::Function', 0);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    FunctionName: 'settle',
    FunctionResponseTypes: ['ReportBatchItemFailures'],
  });
  expect(warnings(stack).map(({ entry }) => entry.data)).toEqual([
    expect.stringContaining(
      'function-timeout, function-environment, function-runtime, function-is-not-throttled, function-permissions',
    ),
  ]);
});

test('an import that names its role gets the permissions of a consumer', () => {
  const stack = constructStack();
  const role = Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::123456789012:role/settle');
  const handler = LambdaFunction.fromFunctionAttributes(stack, 'Theirs', { functionArn, role });
  consumerIn(stack, handler);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::IAM::Policy', {
    Roles: ['settle'],
    PolicyDocument: {
      Statement: [
        Match.objectLike({ Action: Match.arrayWith(['dynamodb:PutItem']) }),
        Match.objectLike({ Action: Match.arrayWith(['sqs:ReceiveMessage']) }),
        Match.objectLike({ Action: Match.arrayWith(['sqs:SendMessage']) }),
      ],
    },
  });
  expect(warnings(stack).map(({ entry }) => entry.data)).toEqual([
    expect.not.stringContaining('function-permissions'),
  ]);
});

test('what a foreign function is set to can be stated, and is held against the channel', () => {
  const stack = constructStack();
  const handler = LambdaFunction.fromFunctionArn(stack, 'Theirs', functionArn);
  expect(
    refusal(() => consumerIn(stack, handler, { timeout: Duration.seconds(31), memorySize: 512 })).violations,
  ).toEqual([
    expect.objectContaining({
      id: 'visibility-covers-the-function',
      allowed: expect.stringContaining('3 minutes 6 seconds') as string,
    }),
  ]);
});

test('an alias stands for a version, whose environment nobody can change', () => {
  const stack = constructStack();
  const lambda = new LambdaFunction(stack, 'Ours', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = () => {}'),
  });
  consumerIn(stack, new Alias(stack, 'Live', { aliasName: 'live', version: lambda.currentVersion }));
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', { Environment: Match.absent() });
  expect(warnings(stack).map(({ entry }) => entry.data)).toEqual([
    expect.stringContaining('function-environment'),
  ]);
});

test('a function of the app leaves nothing unproven', () => {
  const stack = constructStack();
  consumerIn(
    stack,
    new LambdaFunction(stack, 'Ours', {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromInline('exports.handler = () => {}'),
    }),
  );
  expect(warnings(stack)).toEqual([]);
});

describe('two imports of one resource are one resource:', () => {
  const queues = (stack: Stack, id: string) =>
    MessageChannel.fromQueues(stack, `${id}Channel`, {
      kind: ChannelKind.STANDARD,
      queue: Queue.fromQueueArn(
        stack,
        `${id}Queue`,
        `arn:aws:sqs:eu-west-1:123456789012:orders-${id.slice(1)}`,
      ),
      deadLetterQueue: Queue.fromQueueArn(stack, `${id}Dead`, 'arn:aws:sqs:eu-west-1:123456789012:dead'),
      visibilityTimeout: Duration.minutes(1),
      retention: Duration.days(4),
      deadLetterRetention: Duration.days(14),
    });
  const consumer = (stack: Stack, id: string, consumerName: string) =>
    new IdempotentConsumer(stack, id, {
      consumerName,
      channel: queues(stack, id),
      dedupTable: DedupTable.fromTable(
        stack,
        `${id}Dedup`,
        Table.fromTableName(stack, `${id}Table`, 'receipts'),
      ),
      entry: noopEntry,
    });

  test('a second consumer of the queue is refused', () => {
    const stack = constructStack();
    consumer(stack, 'A1', 'first');
    expect(refusal(() => consumer(stack, 'B1', 'second')).violations.map(({ id }) => id)).toEqual([
      'one-consumer-per-channel',
    ]);
  });

  test('a second consumer of one name on the table is refused', () => {
    const stack = constructStack();
    consumer(stack, 'A1', 'first');
    expect(refusal(() => consumer(stack, 'B2', 'first')).violations.map(({ id }) => id)).toEqual([
      'consumer-name-unique',
    ]);
    expect(() => consumer(stack, 'C3', 'third')).not.toThrow();
  });
});
