import { CfnParameter, Duration, Stack, Token } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { ChannelKind, MessageChannel, PayloadBucket, type ExistingQueuesProps } from '../../lib/index.js';
import { constructStack, refusal } from '../fixtures/construct-stack.js';

type Stated = Partial<ExistingQueuesProps>;

const stated = {
  kind: ChannelKind.STANDARD,
  visibilityTimeout: Duration.seconds(60),
  retention: Duration.days(2),
  deadLetterRetention: Duration.days(10),
};

/** Queues that the app makes by itself, set to what is stated. */
function ownQueues(stack: Stack, fifo?: true) {
  return {
    queue: new Queue(stack, 'Orders', {
      fifo,
      visibilityTimeout: stated.visibilityTimeout,
      retentionPeriod: stated.retention,
    }),
    deadLetterQueue: new Queue(stack, 'Dead', { fifo, retentionPeriod: stated.deadLetterRetention }),
  };
}

function importedQueues(stack: Stack, suffix = '') {
  const arn = (name: string) => `arn:aws:sqs:eu-west-1:123456789012:${name}${suffix}`;
  return {
    queue: Queue.fromQueueArn(stack, 'Orders', arn('orders')),
    deadLetterQueue: Queue.fromQueueArn(stack, 'Dead', arn('orders-dead')),
  };
}

const channelIn = (stack: Stack, props: Stated = {}) =>
  MessageChannel.fromQueues(stack, 'Channel', { ...stated, ...ownQueues(stack), ...props });

test('makes nothing of its own, and offers what any channel offers', () => {
  const stack = constructStack();
  const channel = channelIn(stack);
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::SQS::Queue', 2);
  template.resourceCountIs('AWS::CloudWatch::Alarm', 0);
  expect(channel.metricOldestMessageAge().metricName).toBe('ApproximateAgeOfOldestMessage');
  expect(channel.consumerTimeout.toSeconds()).toBe(10);
});

test('grants the same permissions as a channel of our own, also on imported queues', () => {
  const stack = constructStack();
  const channel = MessageChannel.fromQueues(stack, 'Channel', { ...stated, ...importedQueues(stack) });
  const assumedBy = new ServicePrincipal('lambda.amazonaws.com');
  channel.grants.consumeMessages(new Role(stack, 'Consumer', { assumedBy }));
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        Match.objectLike({
          Action: Match.arrayWith(['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility', 'sqs:DeleteMessage']),
          Resource: 'arn:aws:sqs:eu-west-1:123456789012:orders',
        }),
        Match.objectLike({
          Action: Match.arrayWith(['sqs:SendMessage']),
          Resource: 'arn:aws:sqs:eu-west-1:123456789012:orders-dead',
        }),
      ],
    },
  });
});

test('the key of an imported queue comes with the permission', () => {
  const stack = constructStack();
  const key = new Key(stack, 'Key');
  const queue = Queue.fromQueueAttributes(stack, 'Encrypted', {
    queueArn: 'arn:aws:sqs:eu-west-1:123456789012:orders',
    keyArn: key.keyArn,
  });
  const channel = channelIn(stack, { queue });
  channel.grantSendMessages(
    new Role(stack, 'Producer', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
  );
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Action: Match.arrayWith(['kms:GenerateDataKey*']),
          Resource: stack.resolve(key.keyArn) as unknown,
        }),
      ]),
    },
  });
});

describe('fails when', () => {
  const day = (days: number) => Duration.days(days);
  test.each<[string, Stated, string]>([
    [
      'the visibility timeout is stated otherwise than this app sets it',
      { visibilityTimeout: Duration.seconds(61) },
      "visibilityTimeout is 1 minute 1 second, must be 1 minute, which 'Stack/Orders' has: change `visibilityTimeout`, or the queue [stated-as-deployed]",
    ],
    [
      'the retention is stated otherwise than this app sets it',
      { retention: day(1) },
      "retention is 1 day, must be 2 days, which 'Stack/Orders' has: change `retention`, or the queue [stated-as-deployed]",
    ],
    [
      'the retention of dead letters is stated otherwise than this app sets it',
      { deadLetterRetention: day(14) },
      "deadLetterRetention is 14 days, must be 10 days, which 'Stack/Dead' has: change `deadLetterRetention`, or the queue [stated-as-deployed]",
    ],
  ])('%s', (_, props, message) => {
    expect(refusal(() => channelIn(constructStack(), props)).message).toBe(
      `MessageChannel 'Stack/Channel' has invalid props:\n  - ${message}`,
    );
  });

  test('a queue that sets nothing is stated otherwise than with the defaults of SQS', () => {
    const stack = constructStack();
    const bare = { queue: new Queue(stack, 'Bare'), deadLetterQueue: new Queue(stack, 'BareDead') };
    expect(
      refusal(() => channelIn(stack, bare)).violations.map(({ given, allowed }) => [given, allowed]),
    ).toEqual([
      ['visibilityTimeout is 1 minute', "30 seconds, which 'Stack/Bare' has"],
      ['retention is 2 days', "4 days, which 'Stack/Bare' has"],
      ['deadLetterRetention is 10 days', "4 days, which 'Stack/BareDead' has"],
    ]);
  });

  test('the kind is not that of the queues', () => {
    const stack = constructStack();
    expect(refusal(() => channelIn(stack, { kind: ChannelKind.FIFO })).violations).toEqual([
      expect.objectContaining({
        id: 'kind-as-deployed',
        allowed: "that of 'Stack/Orders', which is Standard",
      }),
      expect.objectContaining({ id: 'kind-as-deployed', allowed: "that of 'Stack/Dead', which is Standard" }),
    ]);
  });

  test('an imported dead letter, which keeps its age, has no time left to be repaired', () => {
    const stack = constructStack();
    const props = { ...stated, ...importedQueues(stack), deadLetterRetention: day(2) };
    expect(refusal(() => MessageChannel.fromQueues(stack, 'Channel', props)).message).toBe(
      "MessageChannel 'Stack/Channel' has invalid props:\n" +
        '  - deadLetterRetention is 2 days, must be at least 3 days (retention + timeToRepair): raise `deadLetterRetention` (at most 14 days) or lower `retention` [dead-letters-outlive-the-queue]',
    );
  });

  test('the timeout of the consumer would derive from too little', () => {
    const stack = constructStack();
    const props = { ...stated, ...importedQueues(stack), visibilityTimeout: Duration.seconds(17) };
    expect(refusal(() => MessageChannel.fromQueues(stack, 'Channel', props)).message).toContain(
      'visibilityTimeout is 17 seconds, must be at least 18 seconds, six times the shortest timeout with which a function begins a message',
    );
  });
});

test('fails when the stated time of the consumer leaves no room for a single message', () => {
  const stack = constructStack();
  const props = { ...stated, ...importedQueues(stack), consumerTimeout: Duration.seconds(2) };
  expect(refusal(() => MessageChannel.fromQueues(stack, 'Channel', props)).violations).toEqual([
    expect.objectContaining({ id: 'function-has-room', given: 'consumerTimeout is 2 seconds' }),
  ]);
});

test('FIFO queues are taken for what they are, imported or own', () => {
  const stack = constructStack();
  const fifo = { ...stated, kind: ChannelKind.FIFO };
  expect(() => MessageChannel.fromQueues(stack, 'Own', { ...fifo, ...ownQueues(stack, true) })).not.toThrow();
  const other = constructStack();
  expect(() =>
    MessageChannel.fromQueues(other, 'Imported', { ...fifo, ...importedQueues(other, '.fifo') }),
  ).not.toThrow();
});

test('a statement that is known only at deployment is not compared', () => {
  const stack = constructStack();
  const seconds = new CfnParameter(stack, 'Seconds', { type: 'Number' }).valueAsNumber;
  const channel = channelIn(stack, {
    visibilityTimeout: Duration.seconds(seconds),
    consumerTimeout: Duration.seconds(5),
  });
  expect(channel.consumerTimeout.toSeconds()).toBe(5);
  expect(
    refusal(() =>
      channelIn(constructStack(), { visibilityTimeout: Duration.seconds(seconds) }),
    ).violations.map(({ id }) => id),
  ).toEqual(['known-at-synth']);
});

test('queues of another Region than the stack are refused: Lambda polls those of its own', () => {
  const stack = constructStack({ account: '111111111111', region: 'eu-west-1' });
  const queueOf = (id: string, region: string) =>
    Queue.fromQueueArn(stack, id, `arn:aws:sqs:${region}:111111111111:${id}`);
  const channel = (id: string, region: string) =>
    MessageChannel.fromQueues(stack, id, {
      ...{ kind: ChannelKind.STANDARD, visibilityTimeout: Duration.minutes(3) },
      ...{ retention: Duration.days(4), deadLetterRetention: Duration.days(14) },
      ...{ queue: queueOf(`${id}q`, region), deadLetterQueue: queueOf(`${id}d`, region) },
    });
  expect(() => channel('Here', 'eu-west-1')).not.toThrow();
  expect(refusal(() => channel('There', 'us-east-1')).violations).toMatchObject([
    { id: 'one-region', given: '`queue` is in us-east-1' },
    { id: 'one-region', given: '`deadLetterQueue` is in us-east-1' },
  ]);
});

test('bodies of a channel whose retention is known at deployment only are kept for as long as is stated', () => {
  const payloads = (retention?: Duration) => {
    const stack = constructStack();
    const token = Duration.seconds(Token.asNumber({ Ref: 'Retention' }));
    const queue = (id: string) => Queue.fromQueueArn(stack, id, `arn:aws:sqs:us-east-1:111111111111:${id}`);
    const channel = MessageChannel.fromQueues(stack, 'Channel', {
      ...{ kind: ChannelKind.STANDARD, queue: queue('Orders'), deadLetterQueue: queue('Dead') },
      visibilityTimeout: Duration.minutes(3),
      ...{ retention: token, deadLetterRetention: Duration.days(14) },
    });
    return new PayloadBucket(stack, 'Payloads', { channel, retention });
  };
  expect(refusal(() => payloads()).violations).toMatchObject([
    { id: 'known-at-synth', change: 'give `retention` as a plain Duration' },
  ]);
  const { retention, bucket } = payloads(Duration.days(90));
  expect(retention.toDays()).toBe(90);
  Template.fromStack(Stack.of(bucket)).hasResourceProperties('AWS::S3::Bucket', {
    LifecycleConfiguration: { Rules: [Match.objectLike({ ExpirationInDays: 90 })] },
  });
});
