import { Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import {
  ChannelKind,
  MessageChannel,
  PostgresCdcRelay,
  PostgresRelay,
  RelayTarget,
  type PostgresRelayProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

function relayIn(stack = constructStack(), given: Partial<PostgresRelayProps> = {}) {
  const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO });
  const secret = new Secret(stack, 'Login');
  const targets = [RelayTarget.channel(channel, { types: ['Moved'] })];
  return new PostgresRelay(stack, 'Relay', {
    ...{ outboxName: 'payments', entry: noopEntry, targets, secret },
    ...given,
  });
}

/** Actions that the roles of a template may do, but those that every function may do. */
function actions(template: Template): string[] {
  const policies = Object.values(template.findResources('AWS::IAM::Policy')) as {
    Properties: { PolicyDocument: { Statement: { Action: string | string[]; Resource: unknown }[] } };
  }[];
  return policies
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .flatMap(({ Action }) => Action)
    .filter((action) => !action.startsWith('logs:'))
    .sort();
}

test('a function on a schedule is told where to send and for how long events are kept', () => {
  const stack = constructStack();
  relayIn(stack, { interval: Duration.minutes(2), retention: Duration.days(14) });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Timeout: 120,
    Environment: {
      Variables: Match.objectLike({
        EXACTLY_ONCE_OUTBOX_NAME: 'payments',
        EXACTLY_ONCE_OUTBOX_RETENTION_DAYS: '14',
        EXACTLY_ONCE_OUTBOX_TARGETS: Match.anyValue(),
        EXACTLY_ONCE_DATABASE_SECRET: Match.anyValue(),
      }),
    },
  });
  template.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(2 minutes)' });
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
});

test('it may send, read its secret, and nothing else', () => {
  const stack = constructStack();
  relayIn(stack);
  expect([...new Set(actions(Template.fromStack(stack)))]).toEqual([
    'lambda:InvokeFunction',
    'secretsmanager:DescribeSecret',
    'secretsmanager:GetSecretValue',
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:SendMessage',
  ]);
});

test('an event that waits and a relay that is silent raise an alarm, with a page to read', () => {
  const stack = constructStack();
  relayIn(stack);
  const template = Template.fromStack(stack);
  const of = { Namespace: 'ExactlyOnce/Outbox', Dimensions: [{ Name: 'outbox', Value: 'payments' }] };
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...of,
    ...{ MetricName: 'oldestUnsent', Threshold: 600, TreatMissingData: 'breaching' },
    AlarmDescription: Match.stringLikeRegexp('docs/runbook/postgres-relay.md'),
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...of,
    ...{ MetricName: 'stuckStreams', Threshold: 0, EvaluationPeriods: 2 },
  });
});

test.each([
  ['outbox-name', { outboxName: '' }],
  ['relay-has-targets', { targets: [] }],
  ['relay-interval', { interval: Duration.seconds(90) }],
  ['relay-timeout', { timeout: Duration.seconds(5) }],
  ['outbox-retention', { retention: Duration.hours(30) }],
])('what cannot be is refused with the value and what is allowed: %s', (id, given) => {
  const { violations } = refusal(() => relayIn(constructStack(), given));
  expect(violations).toMatchObject([{ id }]);
});

test('the relay of change data capture is a service with one that stands by, which may do as little', () => {
  const stack = constructStack();
  const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO });
  new PostgresCdcRelay(stack, 'Relay', {
    outboxName: 'payments',
    targets: [RelayTarget.channel(channel)],
    cluster: new Cluster(stack, 'Cluster', {
      vpc: new Vpc(stack, 'Vpc', { restrictDefaultSecurityGroup: false }),
    }),
    image: ContainerImage.fromRegistry('relay'),
    secret: new Secret(stack, 'Login'),
  });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::ECS::Service', {
    DesiredCount: 2,
    DeploymentConfiguration: Match.objectLike({ MinimumHealthyPercent: 100 }),
  });
  template.hasResourceProperties('AWS::ECS::TaskDefinition', {
    ContainerDefinitions: [
      Match.objectLike({
        StopTimeout: 30,
        Environment: Match.arrayWith([
          { Name: 'EXACTLY_ONCE_OUTBOX_NAME', Value: 'payments' },
          { Name: 'EXACTLY_ONCE_OUTBOX_RETENTION_DAYS', Value: '7' },
        ]),
      }),
    ],
  });
  expect([...new Set(actions(template))]).toEqual([
    'secretsmanager:DescribeSecret',
    'secretsmanager:GetSecretValue',
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:SendMessage',
  ]);
});
