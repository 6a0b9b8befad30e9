import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Port, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks } from 'cdk-nag';
import {
  ChannelKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  PostgresCdcRelay,
  PostgresPollingRelay,
  PostgresRelay,
  RelayTarget,
  type PostgresPollingRelayProps,
} from '../../lib/index.js';
import { postgresRelaySettings } from '../../runtime/postgres/outbox/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';
import { reportOf, rowsOf } from '../guarantees/reported.js';

const image = ContainerImage.fromRegistry('relay');

function clusterIn(stack: Stack): Cluster {
  const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-1',
    availabilityZones: ['a'],
    privateSubnetIds: ['subnet-1'],
  });
  return new Cluster(stack, 'Cluster', { vpc, containerInsightsV2: ContainerInsights.ENABLED });
}

function relayIn(stack: Stack, given: Partial<PostgresPollingRelayProps> = {}) {
  const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO });
  const secret = new Secret(stack, 'Login');
  const relay = new PostgresPollingRelay(stack, 'Relay', {
    outboxName: 'payments',
    targets: [RelayTarget.channel(channel, { types: ['Moved'] })],
    cluster: clusterIn(stack),
    ...{ image, secret },
    ...given,
  });
  return { relay, secret };
}

interface Container {
  readonly StopTimeout: number;
  readonly Environment: readonly { readonly Name: string; readonly Value: unknown }[];
}

function containerIn(template: Template): Container {
  const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition')) as {
    Properties: { ContainerDefinitions: [Container] };
  }[];
  if (task === undefined) throw new Error('there is no task');
  return task.Properties.ContainerDefinitions[0];
}

test('it is told what its program reads, and a task has a minute to end what it sends', () => {
  const stack = constructStack();
  relayIn(stack, { retention: Duration.days(14), environment: { PGHOST: 'db.example' } });
  const { StopTimeout, Environment } = containerIn(Template.fromStack(stack));
  expect(StopTimeout).toBe(60);
  const told = Object.fromEntries(
    Environment.map(({ Name, Value }) => [Name, typeof Value === 'string' ? Value : joined(Value)]),
  );
  expect(told).toMatchObject({ PGHOST: 'db.example', EXACTLY_ONCE_DATABASE_SECRET: expect.any(String) });
  expect(postgresRelaySettings(told)).toMatchObject({
    outboxName: 'payments',
    retentionDays: 14,
    targets: [{ types: ['Moved'] }],
  });
});

/** What a join would be once its parts are known. */
function joined(value: unknown): string {
  const { 'Fn::Join': [, parts] = ['', []] } = value as { 'Fn::Join'?: [string, unknown[]] };
  return parts.map((part) => (typeof part === 'string' ? part : 'part')).join('');
}

test('two tasks, unless told otherwise, of which a deployment starts the new ones first', () => {
  const stack = constructStack();
  relayIn(stack);
  Template.fromStack(stack).hasResourceProperties('AWS::ECS::Service', {
    DesiredCount: 2,
    DeploymentConfiguration: Match.objectLike({ MinimumHealthyPercent: 100, MaximumPercent: 200 }),
  });
  const more = constructStack();
  relayIn(more, { desiredCount: 5 });
  Template.fromStack(more).hasResourceProperties('AWS::ECS::Service', { DesiredCount: 5 });
});

test('its tasks may send to its targets, read its secret, and nothing else', () => {
  const stack = constructStack();
  relayIn(stack);
  const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy')) as {
    Properties: { PolicyDocument: { Statement: { Action: string | string[]; Resource: unknown }[] } };
  }[];
  const statements = policies
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .filter(({ Action }) => ![Action].flat().some((action) => action.startsWith('logs:')));
  expect(statements.flatMap(({ Action }) => Action).sort()).toEqual([
    'secretsmanager:DescribeSecret',
    'secretsmanager:GetSecretValue',
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:SendMessage',
  ]);
  for (const { Resource } of statements)
    expect(JSON.stringify(Resource)).toMatch(/^\{("Ref":"Login|"Fn::GetAtt":\["Channel)/);
});

test('an event that waits, aggregates that stand, and no task raise alarms, each with a page', () => {
  const stack = constructStack();
  const { relay } = relayIn(stack, { alarmAfter: Duration.minutes(3) });
  const template = Template.fromStack(stack);
  const of = { Namespace: 'ExactlyOnce/Outbox', Dimensions: [{ Name: 'outbox', Value: 'payments' }] };
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...of,
    ...{ MetricName: 'oldestUnsent', Threshold: 180, Period: 300, TreatMissingData: 'breaching' },
    AlarmDescription: Match.stringLikeRegexp('docs/runbook/postgres-relay.md'),
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...of,
    ...{ MetricName: 'stuckStreams', Statistic: 'Minimum', Threshold: 0, EvaluationPeriods: 1 },
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    TreatMissingData: 'breaching',
    AlarmDescription: Match.stringLikeRegexp('nothing is sent.*docs/runbook/services-down.md'),
  });
  const figures = [
    relay.metricSent(),
    relay.metricFailed(),
    relay.metricLag(),
    relay.metricOldestUnsent(),
    relay.metricStuckStreams(),
  ];
  expect(figures.map(({ metricName, statistic }) => `${metricName} ${statistic}`)).toEqual([
    'sent Sum',
    'failed Sum',
    'lag Maximum',
    'oldestUnsent Maximum',
    'stuckStreams Maximum',
  ]);
});

test('a database lets its tasks in by their connections', () => {
  const stack = constructStack();
  const { relay } = relayIn(stack);
  const { vpc } = relay.service.cluster;
  const database = new SecurityGroup(stack, 'Database', { vpc });
  database.connections.allowFrom(relay, Port.tcp(5432));
  Template.fromStack(stack).hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
    ...{ FromPort: 5432, ToPort: 5432 },
    GroupId: stack.resolve(database.securityGroupId) as object,
    SourceSecurityGroupId: stack.resolve(relay.connections.securityGroups[0]?.securityGroupId) as object,
  });
});

test.each<[string, Partial<PostgresPollingRelayProps>]>([
  ['outbox-name', { outboxName: '' }],
  ['relay-has-targets', { targets: [] }],
  ['outbox-retention', { retention: Duration.hours(30) }],
  ['tasks-in-range', { desiredCount: 0 }],
  ['tasks-in-range', { desiredCount: 1.5 }],
  ['environment-reserved', { environment: { EXACTLY_ONCE_OUTBOX_TARGETS: '[]' } }],
])('what cannot be is refused with the value and what is allowed: %s', (id, given) => {
  const { violations } = refusal(() => relayIn(constructStack(), given));
  expect(violations).toMatchObject([{ id }]);
});

describe('GUARANTEES.md', () => {
  /** The three relays of one outbox, each to a channel with a consumer. */
  function relays(app: App, receiptRetention?: Duration): void {
    const stack = new Stack(app, 'Stack');
    const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO });
    const dedupTable = new DedupTable(stack, 'Dedup');
    new IdempotentConsumer(stack, 'Consumer', {
      ...{ consumerName: 'moves', channel, dedupTable, entry: noopEntry, receiptRetention },
    });
    const [targets, cluster] = [[RelayTarget.channel(channel)], clusterIn(stack)];
    new PostgresPollingRelay(stack, 'Polling', { outboxName: 'a', targets, cluster, image });
    new PostgresCdcRelay(stack, 'Cdc', { outboxName: 'b', targets, cluster, image });
    new PostgresRelay(stack, 'Function', { outboxName: 'c', targets, entry: noopEntry });
  }

  test('says of every relay what it claims, what its idle hours cost, and that receipts outlive the outbox', () => {
    const report = reportOf((app) => relays(app));
    expect(rowsOf(report, 'Stack/Polling (PostgresPollingRelay)')[0]).toEqual([
      'receipts-outlive-the-outbox',
      "receiptRetention of 'Stack/Consumer' is 86 days",
      "at least 7 days (retention of 'Stack/Polling')",
      expect.any(String),
    ]);
    expect(report).toMatch(/tasks \| 2 x 730.* hours x \(0\.25 vCPU x .* \+ 0\.5 GB/);
    expect(report).toMatch(/runs \| 43,830 x/);
    for (const relay of ['Stack/Cdc (PostgresCdcRelay)', 'Stack/Function (PostgresRelay)'])
      expect(rowsOf(report, relay)[0]?.[0]).toBe('receipts-outlive-the-outbox');
    expect(report).toContain("Sends all events to 'Stack/Channel/Resource', in order within a group.");
  });
});

test('receipts that expire before the outbox does fail the synth', () => {
  const stack = constructStack();
  const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO });
  new IdempotentConsumer(stack, 'Consumer', {
    ...{ consumerName: 'moves', channel, dedupTable: new DedupTable(stack, 'Dedup'), entry: noopEntry },
  });
  new PostgresPollingRelay(stack, 'Relay', {
    outboxName: 'payments',
    targets: [RelayTarget.channel(channel)],
    ...{ cluster: clusterIn(stack), image },
    retention: Duration.days(100),
  });
  expect(() => Template.fromStack(stack)).toThrow(/receipts-outlive-the-outbox/);
});

test('cdk-nag has nothing to say of it', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'polling-relay-'));
  try {
    const app = new App({ outdir });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    const stack = new Stack(app, 'Stack');
    const { secret } = relayIn(stack);
    // It is for the user to say how often.
    Validations.of(secret).acknowledge({ id: 'AwsSolutions-SMG4', reason: 'any' });
    app.synth();
  } finally {
    rmSync(outdir, { recursive: true });
  }
});
