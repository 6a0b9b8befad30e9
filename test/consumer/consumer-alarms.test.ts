import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Token, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  ChannelKind,
  CommitWay,
  DeadLetterKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  type ConsumerAlarms,
  type ConsumerAlarmsOptions,
} from '../../lib/index.js';
import { packageRoot } from '../../targets/package-root.js';
import { logSummary, type BatchSummary } from '../../runtime/sqs/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

function consumerIn(stack: Stack, handler?: LambdaFunction): IdempotentConsumer {
  return new IdempotentConsumer(stack, 'Consumer', {
    consumerName: 'settlement',
    channel: new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
    dedupTable: new DedupTable(stack, 'Dedup'),
    ...(handler === undefined ? { entry: noopEntry } : { handler }),
  });
}

function built(options?: ConsumerAlarmsOptions): { template: Template; alarms: ConsumerAlarms } {
  const stack = constructStack();
  const alarms = consumerIn(stack).addAlarms(options);
  return { template: Template.fromStack(stack), alarms };
}

interface Filter {
  readonly FilterPattern: string;
  readonly MetricTransformations: readonly [
    { MetricName: string; MetricValue: string; MetricNamespace: string },
  ];
}

/** As CloudWatch Logs reads `$.a.b` of a line. */
function field(line: string, path: string): unknown {
  return path
    .split('.')
    .slice(1)
    .reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], JSON.parse(line));
}

test('the figures are where the runtime logs them, on a line that is JSON from its first character', () => {
  const lines: string[] = [];
  const print = (text: unknown) => lines.push(String(text).trimEnd()) > 0;
  jest.spyOn(process.stdout, 'write').mockImplementation(print);
  const log = jest.spyOn(console, 'log').mockReturnValue();
  const dead = { rejected: 5, failed: 6, died: 7, parked: 8 };
  const figures = { parked: 2, excused: 3, stopped: 4, oldestSeconds: 9, dead };
  logSummary({ consumer: 'settlement', problems: [], ...figures } as unknown as BatchSummary);
  jest.restoreAllMocks();
  // Lambda puts time and request id before what goes through the console, and no filter finds a figure behind them.
  expect(log).not.toHaveBeenCalled();
  expect(lines).toHaveLength(1);

  const filters = Object.values(built().template.findResources('AWS::Logs::MetricFilter')) as {
    Properties: Filter;
  }[];
  const ofBatch = filters.filter(({ Properties }) => Properties.FilterPattern.includes('"batch"'));
  const read = ofBatch.map(({ Properties: { FilterPattern, MetricTransformations } }) => {
    const [{ MetricName, MetricValue }] = MetricTransformations;
    expect(FilterPattern).toBe(
      `{ $.exactlyOnce = "batch" && ${MetricValue} > 0 && $.consumer = "settlement" }`,
    );
    return [MetricName, field(lines[0] ?? '', MetricValue)];
  });
  expect(field(lines[0] ?? '', '$.exactlyOnce')).toBe('batch');
  expect(Object.fromEntries(read)).toEqual({
    ...{ parked: 2, excused: 3, stopped: 4, oldestSeconds: 9 },
    ...{ deadRejected: 5, deadFailed: 6, deadDied: 7, deadParked: 8 },
  });
});

test('a listed gap and a defect are counted by their own lines, once a line', () => {
  const { template, alarms } = built();
  const counted = (MetricName: string, FilterPattern: string) =>
    template.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern,
      MetricTransformations: [Match.objectLike({ MetricName, MetricValue: '1' })],
    });
  counted('gap', '{ $.exactlyOnce = "gap" && $.consumer = "settlement" }');
  counted('defect', '{ $.exactlyOnce = "problem" && $.fault = "defect" && $.consumer = "settlement" }');
  expect(alarms.metricGaps()).toMatchObject({ metricName: 'gap', statistic: 'Sum' });
  expect(alarms.metricDefects()).toMatchObject({ metricName: 'defect', statistic: 'Sum' });
  expect(alarms.gapAlarm).not.toBe(alarms.defectAlarm);
});

test('alarms look at the metrics that the filters fill, and name a page that is there', () => {
  const { template } = built();
  const filtered = Object.values(template.findResources('AWS::Logs::MetricFilter')).map(
    ({ Properties }) => (Properties as Filter).MetricTransformations[0].MetricName,
  );
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) =>
      Properties as { MetricName: string; Namespace: string; Dimensions: unknown; AlarmDescription: unknown },
  );
  const own = alarms.filter(({ Namespace }) => Namespace === 'ExactlyOnce');
  expect(own.map(({ MetricName }) => MetricName).sort()).toEqual(filtered.sort());
  for (const { Dimensions } of own) expect(Dimensions).toEqual([{ Name: 'consumer', Value: 'settlement' }]);
  expect(alarms).toHaveLength(own.length + 4);
  for (const { AlarmDescription } of alarms) {
    const [page = 'none'] = /docs\/runbook\/[a-z-]+\.md/.exec(JSON.stringify(AlarmDescription)) ?? [];
    expect([page, existsSync(join(packageRoot, page))]).toEqual([page, true]);
  }
});

test('what comes again is told at half of what its queue has left for it, or earlier', () => {
  const alarmed = (options?: ConsumerAlarmsOptions) => {
    const stack = constructStack();
    const channel = new MessageChannel(stack, 'Channel', {
      kind: ChannelKind.STANDARD,
      retention: Duration.days(2),
    });
    const dedupTable = new DedupTable(stack, 'Dedup');
    const consumer = new IdempotentConsumer(stack, 'Consumer', {
      ...{ consumerName: 'settlement', channel, dedupTable, entry: noopEntry },
    });
    expect(consumer.addAlarms(options).metricOldestThatComesAgain()).toMatchObject({ statistic: 'Maximum' });
    return Template.fromStack(stack);
  };
  const alarm = { MetricName: 'oldestSeconds', Statistic: 'Maximum', TreatMissingData: 'notBreaching' };
  alarmed().hasResourceProperties('AWS::CloudWatch::Alarm', { ...alarm, Threshold: 24 * 3600 });
  alarmed({ comesAgainFor: Duration.hours(1) }).hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...alarm,
    Threshold: 3600,
  });
});

test('thresholds can be set', () => {
  const { template } = built({ parkedFor: Duration.hours(1), excusedReceives: 50 });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'parked', EvaluationPeriods: 12 });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'excused', Threshold: 50 });
});

test('metrics can be put on a dashboard', () => {
  const { alarms } = built();
  expect(alarms.metricDeadLetters(DeadLetterKind.DIED, { label: 'died' })).toMatchObject({
    ...{ namespace: 'ExactlyOnce', metricName: 'deadDied', statistic: 'Sum', label: 'died' },
    dimensions: { consumer: 'settlement' },
  });
});

test('the log group of a function that somebody else makes is found by its name, or given', () => {
  const handlerIn = (stack: Stack) =>
    new LambdaFunction(stack, 'Theirs', {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromInline('exports.handler = () => undefined'),
      timeout: Duration.seconds(30),
    });
  const named = constructStack();
  consumerIn(named, handlerIn(named)).addAlarms();
  Template.fromStack(named).allResourcesProperties('AWS::Logs::MetricFilter', {
    LogGroupName: { 'Fn::Join': ['', ['/aws/lambda/', Match.anyValue()]] },
  });
  const given = constructStack();
  const logGroup = LogGroup.fromLogGroupName(given, 'Logs', 'their-logs');
  consumerIn(given, handlerIn(given)).addAlarms({ logGroup });
  Template.fromStack(given).allResourcesProperties('AWS::Logs::MetricFilter', { LogGroupName: 'their-logs' });
});

describe('a threshold that is made of a time', () => {
  const onQueuesOf = (retention: Duration) => {
    const stack = constructStack();
    const arn = 'arn:aws:sqs:us-east-1:111111111111:';
    const channel = MessageChannel.fromQueues(stack, 'Channel', {
      kind: ChannelKind.STANDARD,
      queue: Queue.fromQueueArn(stack, 'Queue', `${arn}orders`),
      deadLetterQueue: Queue.fromQueueArn(stack, 'Dead', `${arn}dead`),
      visibilityTimeout: Duration.minutes(3),
      ...{ retention, deadLetterRetention: Duration.days(14) },
    });
    const consumer = new IdempotentConsumer(stack, 'Consumer', {
      ...{ consumerName: 'settlement', channel, entry: noopEntry, commitWay: CommitWay.NATURAL },
      receiptRetention: Duration.days(100),
    });
    return { stack, consumer };
  };
  const token = () => Duration.seconds(Token.asNumber({ Ref: 'Retention' }));

  test('must be given where the retention is known at deployment only: half of a token is no number', () => {
    expect(refusal(() => onQueuesOf(token()).consumer.addAlarms()).violations).toMatchObject([
      { id: 'known-at-synth', change: expect.stringContaining('`comesAgainFor`') },
    ]);
    const { stack, consumer } = onQueuesOf(token());
    consumer.addAlarms({ comesAgainFor: Duration.days(1) });
    Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      ...{ MetricName: 'oldestSeconds', Threshold: 86_400 },
    });
  });

  test('no alarm has a number that no token and nobody means', () => {
    const { stack, consumer } = onQueuesOf(Duration.days(4));
    consumer.addAlarms({ comesAgainFor: token() });
    const alarms = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
    const thresholds = alarms.map(({ Properties }) => (Properties as { Threshold: unknown }).Threshold);
    expect(thresholds).toContainEqual({ Ref: 'Retention' });
    for (const threshold of thresholds)
      if (typeof threshold === 'number') expect(threshold).toBeGreaterThanOrEqual(0);
  });

  test.each([
    ['a token', token(), 'known-at-synth'],
    ['two days', Duration.days(2), 'alarm-looks-back'],
  ])('is refused where CloudWatch cannot look back so far: parkedFor of %s', (_, parkedFor, id) => {
    const { consumer } = onQueuesOf(Duration.days(4));
    expect(refusal(() => consumer.addAlarms({ parkedFor })).violations).toMatchObject([{ id }]);
  });
});
