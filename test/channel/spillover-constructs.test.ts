import { Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { AttributeType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  OnFailure,
  PayloadBucket,
  SpilloverChannel,
  SpilloverConsumer,
  type SpilloverChannelProps,
  type SpilloverConsumerProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

function built(props: Partial<SpilloverConsumerProps> = {}, channelProps: SpilloverChannelProps = {}) {
  const stack = constructStack();
  const channel = new SpilloverChannel(stack, 'Orders', channelProps);
  const dedupTable = new DedupTable(stack, 'Dedup');
  const consumer = new SpilloverConsumer(stack, 'Consumer', {
    consumerName: 'orders',
    channel,
    dedupTable,
    entry: noopEntry,
    ...props,
  });
  const producer = new LambdaFunction(stack, 'Producer', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = () => 0'),
  });
  return { stack, channel, consumer, producer, dedupTable };
}

test('both queues have the same handler, the same name and the same table of receipts', () => {
  const { stack, channel, dedupTable } = built();
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::SQS::Queue', 4);
  template.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
  for (const one of [channel.fifo, channel.standard])
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: Match.objectLike({
          EXACTLY_ONCE_CONSUMER_NAME: 'orders',
          EXACTLY_ONCE_DEDUP_TABLE: stack.resolve(dedupTable.table.tableName) as unknown,
          EXACTLY_ONCE_QUEUE_URL: stack.resolve(one.queue.queueUrl) as unknown,
          EXACTLY_ONCE_ON_FAILURE: 'skip',
          EXACTLY_ONCE_SPILLOVER: 'true',
        }),
      },
    });
});

test('a third consumer of that name on the table is refused, as ever', () => {
  const { stack, dedupTable } = built();
  expect(
    refusal(
      () =>
        new IdempotentConsumer(stack, 'Third', {
          consumerName: 'orders',
          channel: new MessageChannel(stack, 'Other', { kind: ChannelKind.FIFO }),
          dedupTable,
          entry: noopEntry,
        }),
    ).message,
  ).toContain('which');
});

const ordered = { ordered: true, peakMessagesPerSecond: 10, consumerTimePerMessage: Duration.millis(10) };

test.each([
  [
    'an ordered workload without versions',
    {},
    { workload: ordered },
    'workload is ordered and commitWay is TRANSACTION',
  ],
  [
    'STOP without versions',
    { onFailure: OnFailure.STOP },
    {},
    'onFailure is STOP and commitWay is TRANSACTION',
  ],
])('%s fails the synth', (_, props, channelProps, given) => {
  const { message, violations } = refusal(() => built(props, channelProps));
  expect(message).toContain(given);
  expect(violations.map(({ id }) => id)).toEqual(['two-queues-keep-order-by-version']);
});

test('with versions an ordered workload is taken, and a stream stops where it fails', () => {
  const { stack } = built({ commitWay: CommitWay.AGGREGATE }, { workload: ordered });
  Template.fromStack(stack).allResourcesProperties('AWS::Lambda::EventSourceMapping', {});
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: Match.objectLike({ EXACTLY_ONCE_ON_FAILURE: 'stop' }) },
  });
});

test('a producer may send to both queues, and is told of them by the name it was given', () => {
  const { stack, channel, producer } = built();
  channel.addProducer(producer, { name: 'ORDERS' });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Handler: 'index.handler',
    Environment: {
      Variables: {
        EXACTLY_ONCE_ORDERS_QUEUE_URL: stack.resolve(channel.fifo.queue.queueUrl) as unknown,
        EXACTLY_ONCE_ORDERS_SPILLOVER_QUEUE_URL: stack.resolve(channel.standard.queue.queueUrl) as unknown,
      },
    },
  });
  for (const one of [channel.fifo, channel.standard])
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: Match.arrayWith(['sqs:SendMessage']),
            Resource: stack.resolve(one.queue.queueArn) as unknown,
          }),
        ]),
      },
      PolicyName: Match.stringLikeRegexp('^ProducerServiceRole'),
    });
  expect(() => channel.addProducer(producer, { name: 'a-b' })).toThrow(
    "name of the producer is 'a-b', must be",
  );
});

test('bodies in S3 outlive their messages, and nobody may delete one', () => {
  const { stack, channel, producer, consumer } = built();
  const payloads = new PayloadBucket(stack, 'Payloads', { channel: channel.fifo });
  channel.addProducer(producer, { payloads });
  payloads.grantRead(consumer.fifo.function);
  const template = Template.fromStack(stack);
  // 14 days of retries, 4 times 4 + 14 days, and one.
  template.hasResourceProperties('AWS::S3::Bucket', {
    LifecycleConfiguration: { Rules: [Match.objectLike({ ExpirationInDays: 87 })] },
  });
  template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).not.toContain('s3:DeleteObject');
  expect(
    refusal(() => new PayloadBucket(stack, 'Short', { channel: channel.fifo, retention: Duration.days(30) }))
      .message,
  ).toContain("retention is 30 days, must be at least 86 days (horizon of 'Stack/Orders/Fifo')");
});

test('an effect table with a TTL is still refused on both', () => {
  const stack = constructStack();
  const effectTable = new Table(stack, 'Effects', {
    partitionKey: { name: 'id', type: AttributeType.STRING },
    timeToLiveAttribute: 'gone',
  });
  expect(
    refusal(
      () =>
        new SpilloverConsumer(stack, 'Consumer', {
          consumerName: 'orders',
          channel: new SpilloverChannel(stack, 'Orders'),
          commitWay: CommitWay.INSERT,
          effectTable,
          entry: noopEntry,
        }),
    ).message,
  ).toContain("TTL attribute of 'Stack/Effects' is 'gone'");
});
