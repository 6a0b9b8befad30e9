import { CfnParameter, Duration, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { ChannelKind, MessageChannel, type MessageChannelProps } from '../../lib/index.js';
import { constructStack, refusal } from '../fixtures/construct-stack.js';

/** A channel with the given props, and the resources it makes. */
function channelOf(props: MessageChannelProps) {
  const stack = constructStack();
  const channel = new MessageChannel(stack, 'Channel', props);
  return { stack, channel, template: Template.fromStack(stack) };
}

const fifo = { kind: ChannelKind.FIFO };
const standard = { kind: ChannelKind.STANDARD };

test('FIFO: explicit deduplication ids, dead letters of the same kind, SQS gives up last', () => {
  const { stack, channel, template } = channelOf(fifo);
  template.hasResourceProperties('AWS::SQS::Queue', {
    FifoQueue: true,
    ContentBasedDeduplication: false,
    DeduplicationScope: Match.absent(),
    FifoThroughputLimit: Match.absent(),
    SqsManagedSseEnabled: true,
    MessageRetentionPeriod: Duration.days(4).toSeconds(),
    VisibilityTimeout: 180,
    RedrivePolicy: {
      deadLetterTargetArn: stack.resolve(channel.deadLetterQueue.queueArn) as unknown,
      maxReceiveCount: 1000,
    },
  });
  template.hasResourceProperties('AWS::SQS::Queue', {
    FifoQueue: true,
    RedrivePolicy: Match.absent(),
    SqsManagedSseEnabled: true,
    MessageRetentionPeriod: Duration.days(14).toSeconds(),
  });
  template.resourceCountIs('AWS::SQS::Queue', 2);
});

test('high throughput counts duplicates and limits per message group', () => {
  channelOf({ ...fifo, highThroughput: true }).template.hasResourceProperties('AWS::SQS::Queue', {
    DeduplicationScope: 'messageGroup',
    FifoThroughputLimit: 'perMessageGroupId',
  });
});

test('Standard: neither queue has an attribute that only FIFO queues take', () => {
  const { template } = channelOf(standard);
  template.allResourcesProperties('AWS::SQS::Queue', {
    FifoQueue: Match.absent(),
    ContentBasedDeduplication: Match.absent(),
    DeduplicationScope: Match.absent(),
    FifoThroughputLimit: Match.absent(),
  });
  template.hasResourceProperties('AWS::SQS::Queue', { RedrivePolicy: { maxReceiveCount: 1000 } });
});

test.each([fifo, standard])('$kind: both queues survive the stack and a replacement', (props) => {
  channelOf(props).template.allResources('AWS::SQS::Queue', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
  });
});

test('both queues refuse calls without TLS', () => {
  const { stack, channel, template } = channelOf(fifo);
  for (const { queueArn, queueUrl } of [channel.queue, channel.deadLetterQueue])
    template.hasResourceProperties('AWS::SQS::QueuePolicy', {
      Queues: [stack.resolve(queueUrl) as unknown],
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Deny',
            Action: 'sqs:*',
            Principal: { AWS: '*' },
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            Resource: stack.resolve(queueArn) as unknown,
          },
        ],
      },
    });
});

test('with a key of its own, both queues use it and the permissions include it', () => {
  const stack = constructStack();
  const encryptionKey = new Key(stack, 'Key');
  const channel = new MessageChannel(stack, 'Channel', { ...fifo, encryptionKey });
  const assumedBy = new ServicePrincipal('lambda.amazonaws.com');
  channel.grants.sendMessages(new Role(stack, 'Producer', { assumedBy }));
  channel.grants.consumeMessages(new Role(stack, 'Consumer', { assumedBy }));
  const template = Template.fromStack(stack);
  const keyArn = stack.resolve(encryptionKey.keyArn) as unknown;
  template.allResourcesProperties('AWS::SQS::Queue', {
    KmsMasterKeyId: keyArn,
    SqsManagedSseEnabled: Match.absent(),
  });
  const encrypt = ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'];
  // The consumer sends dead letters, so it encrypts as well.
  template.allResourcesProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: encrypt, Resource: keyArn })]) },
  });
  template.resourceCountIs('AWS::IAM::Policy', 2);
});

test('the visibility timeout is six times the time of the consumer, or what is stated', () => {
  channelOf({ ...fifo, consumerTimeout: Duration.seconds(5) }).template.hasResourceProperties(
    'AWS::SQS::Queue',
    { VisibilityTimeout: 30 },
  );
  channelOf({ ...standard, visibilityTimeout: Duration.minutes(10) }).template.hasResourceProperties(
    'AWS::SQS::Queue',
    { VisibilityTimeout: 600 },
  );
});

test('alarms: any dead letter, half of the retention used up, and half of what FIFO can look through', () => {
  const { stack, channel, template } = channelOf({ ...fifo, retention: Duration.days(2) });
  const alarm = (metric: string, queue: string, threshold: number) => ({
    MetricName: metric,
    Namespace: 'AWS/SQS',
    Statistic: 'Maximum',
    Threshold: threshold,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
    Dimensions: [{ Name: 'QueueName', Value: stack.resolve(queue) as unknown }],
  });
  const { queueName } = channel.queue;
  const dead = channel.deadLetterQueue.queueName;
  template.hasResourceProperties(
    'AWS::CloudWatch::Alarm',
    alarm('ApproximateNumberOfMessagesVisible', dead, 0),
  );
  template.hasResourceProperties(
    'AWS::CloudWatch::Alarm',
    alarm('ApproximateAgeOfOldestMessage', queueName, 86_400),
  );
  template.hasResourceProperties(
    'AWS::CloudWatch::Alarm',
    alarm('ApproximateNumberOfMessagesVisible', queueName, 60_000),
  );
  template.hasResourceProperties(
    'AWS::CloudWatch::Alarm',
    alarm('ApproximateNumberOfMessagesNotVisible', queueName, 60_000),
  );
  template.resourceCountIs('AWS::CloudWatch::Alarm', 4);
});

test('Standard has no backlog alarm: it delivers from the whole queue', () => {
  const { channel, template } = channelOf(standard);
  expect([channel.backlogAlarm, channel.inFlightAlarm]).toEqual([undefined, undefined]);
  template.resourceCountIs('AWS::CloudWatch::Alarm', 2);
});

test('a producer may send to the queue, not receive and not touch the dead letters', () => {
  const stack = constructStack();
  const channel = new MessageChannel(stack, 'Channel', fifo);
  channel.grantSendMessages(
    new Role(stack, 'Producer', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
  );
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        {
          Effect: 'Allow',
          Action: ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'],
          Resource: stack.resolve(channel.queue.queueArn) as unknown,
        },
      ],
    },
  });
});

test('a consumer may receive and defer messages of the queue, and only send to the dead letters', () => {
  const stack = constructStack();
  const channel = new MessageChannel(stack, 'Channel', fifo);
  channel.grants.consumeMessages(
    new Role(stack, 'Consumer', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
  );
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        {
          Effect: 'Allow',
          Action: [
            'sqs:ReceiveMessage',
            'sqs:ChangeMessageVisibility',
            'sqs:GetQueueUrl',
            'sqs:DeleteMessage',
            'sqs:GetQueueAttributes',
          ],
          Resource: stack.resolve(channel.queue.queueArn) as unknown,
        },
        {
          Effect: 'Allow',
          Action: ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'],
          Resource: stack.resolve(channel.deadLetterQueue.queueArn) as unknown,
        },
      ],
    },
  });
});

describe('fails when', () => {
  const day = (days: number) => Duration.days(days);
  test.each<[string, MessageChannelProps, string]>([
    [
      'high throughput is asked of Standard',
      { ...standard, highThroughput: true },
      'highThroughput is true, must be left out on a Standard channel: remove `highThroughput`, Standard queues have no limit to lift [high-throughput-is-fifo]',
    ],
    [
      'the time of the consumer is longer than a Lambda function may run',
      { ...fifo, consumerTimeout: Duration.minutes(16) },
      'consumerTimeout is 16 minutes, must be from 1 second to 15 minutes: change `consumerTimeout` [sqs-limits]',
    ],
    [
      'the time of the consumer leaves no room for a single message',
      { ...fifo, consumerTimeout: Duration.seconds(1) },
      'consumerTimeout is 1 second, must be at least 3 seconds (time to handle and commit one message): raise `consumerTimeout` [function-has-room]',
    ],
    [
      'the visibility timeout is longer than SQS can',
      { ...fifo, visibilityTimeout: Duration.seconds(43_201) },
      'visibilityTimeout is 12 hours 1 second, must be from 0 seconds to 12 hours: change `visibilityTimeout` [sqs-limits]',
    ],
    [
      'the dead letters are kept for longer than SQS can',
      { ...fifo, deadLetterRetention: day(15) },
      'deadLetterRetention is 15 days, must be from 1 minute to 14 days: change `deadLetterRetention` [sqs-limits]',
    ],
    [
      'a FIFO dead letter lives shorter than a message of the queue',
      { ...fifo, retention: day(5), deadLetterRetention: day(4) },
      'deadLetterRetention is 4 days, must be at least 5 days (retention): raise `deadLetterRetention` (at most 14 days) or lower `retention` [dead-letters-outlive-the-queue]',
    ],
    [
      'a Standard dead letter, which keeps its age, has no time left to be repaired',
      { ...standard, retention: day(14) },
      'deadLetterRetention is 14 days, must be at least 15 days (retention + timeToRepair): raise `deadLetterRetention` (at most 14 days) or lower `retention` [dead-letters-outlive-the-queue]',
    ],
  ])('%s', (_, props, message) => {
    const error = refusal(() => new MessageChannel(constructStack(), 'Channel', props));
    expect(error.message).toBe(`MessageChannel 'Stack/Channel' has invalid props:\n  - ${message}`);
  });

  test('everything that is wrong is in one error, as text and as fields', () => {
    const error = refusal(
      () =>
        new MessageChannel(constructStack(), 'Channel', {
          ...standard,
          highThroughput: true,
          retention: day(14),
          visibilityTimeout: Duration.hours(13),
        }),
    );
    expect(error).toMatchObject({
      name: 'InvalidProps',
      constructClass: 'MessageChannel',
      constructPath: 'Stack/Channel',
    });
    expect(error.violations.map(({ id }) => id)).toEqual([
      'high-throughput-is-fifo',
      'sqs-limits',
      'dead-letters-outlive-the-queue',
    ]);
    for (const { given, allowed, change } of error.violations)
      expect(error.message).toContain(`\n  - ${given}, must be ${allowed}: ${change} [`);
  });

  test('a FIFO dead letter, whose clock restarts, may live as long as a message of the queue', () => {
    expect(() => channelOf({ ...fifo, retention: day(14) })).not.toThrow();
  });
});

describe('a value that is known only at deployment', () => {
  const tokenIn = (stack: Stack) =>
    Duration.seconds(new CfnParameter(stack, 'Seconds', { type: 'Number' }).valueAsNumber);

  test.each([
    ['deadLetterRetention', 'MessageRetentionPeriod'],
    ['visibilityTimeout', 'VisibilityTimeout'],
  ])('is passed on unchecked: %s', (prop, attribute) => {
    const stack = constructStack();
    new MessageChannel(stack, 'Channel', { ...standard, [prop]: tokenIn(stack) });
    Template.fromStack(stack).hasResourceProperties('AWS::SQS::Queue', { [attribute]: { Ref: 'Seconds' } });
  });

  test('is taken for the time of the consumer where the visibility timeout does not derive from it', () => {
    const stack = constructStack();
    const consumerTimeout = tokenIn(stack);
    const visibilityTimeout = Duration.minutes(5);
    const channel = new MessageChannel(stack, 'Channel', { ...fifo, consumerTimeout, visibilityTimeout });
    expect(channel.consumerTimeout).toBe(consumerTimeout);
  });

  test.each([
    ['retention', 'half of it is the threshold of the age alarm'],
    ['consumerTimeout', 'six times it is the visibility timeout'],
  ])('fails when another value derives from it: %s', (prop, why) => {
    const stack = constructStack();
    const error = refusal(() => new MessageChannel(stack, 'Channel', { ...fifo, [prop]: tokenIn(stack) }));
    expect(error.message).toBe(
      `MessageChannel 'Stack/Channel' has invalid props:\n  - ${prop} is a token, must be known at synth (${why}): give \`${prop}\` as a plain Duration [known-at-synth]`,
    );
  });
});
