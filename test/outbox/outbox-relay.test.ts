import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack, Token } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Function as LambdaFunction, Runtime, Code } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import {
  ChannelKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  OutboxRelay,
  OutboxTable,
  RelayTarget,
  type OutboxRelayProps,
  type OutboxTableProps,
} from '../../lib/index.js';
import { compileRecordFilter } from '../../targets/event-source/filter.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';
import { functionOptions, functionProperties } from '../fixtures/function-options.js';

function relayIn(stack: Stack, props: Partial<OutboxRelayProps> = {}, table: OutboxTableProps = {}) {
  const outbox = props.outbox ?? new OutboxTable(stack, 'Outbox', table);
  const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO });
  const relay = new OutboxRelay(stack, 'Relay', {
    entry: noopEntry,
    targets: [RelayTarget.channel(channel, { types: ['PaymentSettled'] })],
    ...props,
    outbox,
  });
  return { outbox, channel, relay };
}

test('an outbox table has a stream of new images, an expiry and no index, and is kept', () => {
  const stack = constructStack();
  new OutboxTable(stack, 'Outbox');
  Template.fromStack(stack).hasResource('AWS::DynamoDB::Table', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      KeySchema: [
        { AttributeName: 'stream', KeyType: 'HASH' },
        { AttributeName: 'version', KeyType: 'RANGE' },
      ],
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
      GlobalSecondaryIndexes: Match.absent(),
      TimeToLiveSpecification: { AttributeName: 'expiration', Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: true,
      BillingMode: 'PAY_PER_REQUEST',
    },
  });
});

test('the function can be given a network, traces, layers and a runtime', () => {
  const stack = constructStack();
  relayIn(stack, functionOptions(stack));
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', functionProperties);
});

test('a relay reads the stream from its start, one batch of a shard at a time, and keeps what it gives up', () => {
  const stack = constructStack();
  const { relay } = relayIn(stack);
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    StartingPosition: 'TRIM_HORIZON',
    ParallelizationFactor: 1,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    BisectBatchOnFunctionError: true,
    BatchSize: 100,
    MaximumRetryAttempts: 10,
    MaximumRecordAgeInSeconds: 43_200,
    DestinationConfig: { OnFailure: { Destination: stack.resolve(relay.discarded.bucketArn) as unknown } },
  });
});

test('a schedule sweeps every minute and is not tried again: the next one is near', () => {
  const stack = constructStack();
  const { relay } = relayIn(stack);
  Template.fromStack(stack).hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(1 minute)',
    Target: {
      Arn: stack.resolve(relay.function.functionArn) as unknown,
      RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      Input: '{}',
    },
  });
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    FunctionName: stack.resolve(relay.function.functionName) as unknown,
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
  });
});

test('the function is told the table, the times and the targets with their types', () => {
  const stack = constructStack();
  const bus = new EventBus(stack, 'Bus');
  const topic = new Topic(stack, 'Topic');
  const { outbox } = relayIn(
    stack,
    { targets: [RelayTarget.eventBus(bus), RelayTarget.topic(topic, { types: ['a', 'b'] })] },
    { retention: Duration.days(2) },
  );
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: {
        EXACTLY_ONCE_OUTBOX_TABLE: stack.resolve(outbox.table.tableName) as unknown,
        EXACTLY_ONCE_OUTBOX_RETENTION_SECONDS: '172800',
        EXACTLY_ONCE_OUTBOX_GRACE_SECONDS: '60',
        EXACTLY_ONCE_OUTBOX_TARGETS: {
          'Fn::Join': [
            '',
            [
              '[{"eventBusName":"',
              stack.resolve(bus.eventBusName) as unknown,
              '"},{"topicArn":"',
              stack.resolve(topic.topicArn) as unknown,
              '","types":["a","b"]}]',
            ],
          ],
        },
      },
    },
  });
});

test('the function is called for events and its own ticks, and for nothing else that happens in the table', () => {
  const stack = constructStack();
  relayIn(stack);
  const [mapping] = Object.values(
    Template.fromStack(stack).findResources('AWS::Lambda::EventSourceMapping'),
  ) as { Properties: { FilterCriteria: { Filters: { Pattern: string }[] } } }[];
  const filter = compileRecordFilter(
    mapping!.Properties.FilterCriteria.Filters.map(({ Pattern }) => Pattern),
  );
  const passes = (eventName: string, NewImage: Record<string, object>) => {
    const { stream, version } = NewImage;
    const record = { eventName, dynamodb: { NewImage, Keys: { stream, version } } };
    return filter(JSON.stringify(record));
  };
  const key = (stream: string) => ({ stream: { S: stream }, version: { S: '1' } });
  const event = { ...key('["bank","1","account","ann"]'), at: { N: '1' }, v: { N: '2' }, data: { S: '{}' } };
  expect([passes('INSERT', event), passes('MODIFY', event), passes('REMOVE', event)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(passes('INSERT', { ...key('["bank","1","ann"]'), event: { S: '{}' } })).toBe(true);
  expect(passes('INSERT', key('["tick","0"]'))).toBe(true);
  for (const stream of ['["stuck","03"]', '["state","relay"]', '["epoch","bank"]'])
    expect(passes('INSERT', { ...key(stream), at: { N: '1' }, v: { N: '1' } })).toBe(false);
});

test('the function may read, mark and send; it may write and delete no row of an event', () => {
  const stack = constructStack();
  const { outbox, channel } = relayIn(stack);
  const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy')) as {
    Properties: { PolicyDocument: { Statement: { Action: string | string[]; Condition?: object }[] } };
  }[];
  const statements = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  const granted = (action: string) => statements.filter(({ Action }) => [Action].flat().includes(action));
  for (const action of ['GetItem', 'BatchGetItem', 'Query', 'Scan', 'UpdateItem'])
    expect(granted(`dynamodb:${action}`)).toHaveLength(1);
  expect(granted('dynamodb:DeleteItem')).toMatchObject([
    { Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['["stuck","??"]'] } } },
  ]);
  expect(granted('dynamodb:PutItem')).toMatchObject([
    {
      Condition: {
        'ForAllValues:StringLike': {
          'dynamodb:LeadingKeys': ['["stuck","??"]', '["tick","?"]', '["state","relay"]'],
        },
      },
    },
  ]);
  expect(granted('sqs:SendMessage')).toHaveLength(1);
  const text = JSON.stringify(policies);
  expect(text).not.toContain('/index/');
  for (const arn of [outbox.table.tableArn, channel.queue.queueArn])
    expect(text).toContain(JSON.stringify(stack.resolve(arn)));
});

test('a publisher may find the newest event, write new ones, and nothing else', () => {
  const stack = constructStack();
  const outbox = new OutboxTable(stack, 'Outbox');
  const publisher = new LambdaFunction(stack, 'Publisher', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = () => undefined;'),
  });
  outbox.grants.publish(publisher);
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        {
          Action: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'],
          Effect: 'Allow',
          Resource: stack.resolve(outbox.table.tableArn) as unknown,
        },
      ],
    },
  });
});

test('alarms go off when the stream is behind or silent, events stay unsent, streams are stuck, batches are given up', () => {
  const stack = constructStack();
  const { outbox, relay } = relayIn(stack, { alarmAfter: Duration.minutes(20) });
  const template = Template.fromStack(stack);
  const dimension = [{ Name: 'outbox', Value: stack.resolve(outbox.table.tableName) as unknown }];
  const page = (name: string) => Match.stringLikeRegexp(`docs/runbook/${name}.md`);
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...{ MetricName: 'IteratorAge', Namespace: 'AWS/Lambda', Threshold: 1_200_000 },
    AlarmDescription: page('relay-lag'),
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...{
      MetricName: 'streamSilence',
      Namespace: 'ExactlyOnce/Outbox',
      Threshold: 1200,
      Dimensions: dimension,
    },
    AlarmDescription: page('relay-lag'),
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...{
      MetricName: 'oldestUnsent',
      Namespace: 'ExactlyOnce/Outbox',
      Threshold: 1200,
      Dimensions: dimension,
    },
    // A sweep that does not run tells nothing.
    TreatMissingData: 'breaching',
    AlarmDescription: page('oldest-unsent'),
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...{ MetricName: 'stuckStreams', Statistic: 'Minimum', Threshold: 0, EvaluationPeriods: 4 },
    AlarmDescription: page('stuck-streams'),
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...{ MetricName: 'OnFailureDestinationDeliveredEventCount', Threshold: 0 },
    Dimensions: [
      {
        Name: 'EventSourceMappingUUID',
        Value: stack.resolve(relay.eventSourceMapping.eventSourceMappingId) as unknown,
      },
    ],
  });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    MetricsConfig: { Metrics: ['EventCount'] },
  });
});

test.each<[string, Partial<OutboxRelayProps>, string]>([
  ['no targets', { targets: [] }, 'relay-has-targets'],
  ['records older than the stream', { maxRecordAge: Duration.hours(24) }, 'relay-gives-up-before-the-stream'],
  ['a batch of 1,001', { batchSize: 1001 }, 'relay-batch'],
  ['endless retries', { retryAttempts: -1 }, 'relay-gives-up'],
  ['sweeps that overlap', { timeout: Duration.seconds(61) }, 'sweeps-do-not-overlap'],
  ['no time', { timeout: Duration.seconds(4) }, 'relay-timeout'],
  ['half minutes', { sweepInterval: Duration.seconds(90) }, 'sweep-interval'],
  ['a token', { grace: Duration.seconds(Token.asNumber({ Ref: 'X' })) }, 'known-at-synth'],
])('a relay with %s is refused', (_, props, id) => {
  expect(
    refusal(() => relayIn(constructStack(), props)).violations.map((violation) => violation.id),
  ).toContain(id);
});

test('a second relay on one outbox is refused: one mark serves all targets', () => {
  const stack = constructStack();
  const { outbox, channel } = relayIn(stack);
  const second = () =>
    new OutboxRelay(stack, 'Second', { outbox, entry: noopEntry, targets: [RelayTarget.channel(channel)] });
  expect(refusal(second).violations.map(({ id }) => id)).toEqual(['one-relay-per-outbox']);
});

test('an outbox whose retention is unknown or short is refused', () => {
  for (const retention of [Duration.minutes(59), Duration.seconds(Token.asNumber({ Ref: 'X' }))])
    expect(refusal(() => new OutboxTable(constructStack(), 'Outbox', { retention })).violations[0]?.id).toBe(
      'outbox-retention',
    );
});

test('a FIFO topic is refused', () => {
  const stack = constructStack();
  const topic = new Topic(stack, 'Topic', { fifo: true });
  expect(refusal(() => relayIn(stack, { targets: [RelayTarget.topic(topic)] })).violations[0]?.id).toBe(
    'topic-is-standard',
  );
});

describe('consumers of the channels that an outbox is relayed to', () => {
  let outdir: string;
  beforeEach(() => {
    outdir = mkdtempSync(join(tmpdir(), 'outbox-'));
  });
  afterEach(() => {
    rmSync(outdir, { recursive: true });
  });

  /** The consumer comes after the relay: what must hold between both is known when the tree is complete. */
  function appWith(retention: Duration): App {
    const app = new App({
      outdir,
      builtinCloudFormationValidation: false,
      context: { 'aws:cdk:bundling-stacks': [] },
    });
    const stack = new Stack(app, 'Stack');
    const { channel } = relayIn(stack, {}, { retention });
    new IdempotentConsumer(stack, 'Consumer', {
      consumerName: 'reader',
      channel,
      dedupTable: new DedupTable(stack, 'Dedup'),
      entry: noopEntry,
    });
    return app;
  }

  test('keep receipts for longer than the outbox keeps its events: GUARANTEES.md says so', () => {
    appWith(Duration.days(7)).synth();
    const report = readFileSync(join(outdir, 'GUARANTEES.md'), 'utf8');
    for (const line of [
      "| receipts-outlive-the-outbox | receiptRetention of 'Stack/Consumer' is 86 days | at least 7 days (retention of 'Stack/Outbox') |",
      '| relay-gives-up-before-the-stream | maxRecordAge is 12 hours | at least 1 minute and less than 1 day',
      '| one-relay-per-outbox | 1 relay |',
      "Sends PaymentSettled to 'Stack/Channel/Resource', in order within a group.",
    ])
      expect(report).toContain(line);
  });

  test('fail the synth when they do not', () => {
    expect(() => appWith(Duration.days(87)).synth()).toThrow(/receipts-outlive-the-outbox/);
  });
});
