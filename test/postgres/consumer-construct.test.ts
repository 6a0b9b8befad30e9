import { Match, Template } from 'aws-cdk-lib/assertions';
import { Port, SecurityGroup, Connections, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  PostgresConsumer,
  type PostgresConsumerProps,
} from '../../lib/index.js';
import { postgresConsumerSettings } from '../../runtime/postgres/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

function consumerIn(stack = constructStack(), given: Partial<PostgresConsumerProps> = {}) {
  const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO });
  return new PostgresConsumer(stack, 'Ledger', {
    ...{ consumerName: 'ledger', channel, entry: noopEntry, maxConcurrency: 5 },
    ...given,
  });
}

interface Found {
  readonly Properties: { readonly Environment: { readonly Variables: Record<string, unknown> } };
}

function environment(template: Template): Record<string, string> {
  const functions = Object.values(template.findResources('AWS::Lambda::Function')) as unknown as Found[];
  const [{ Properties } = { Properties: { Environment: { Variables: {} } } }] = functions;
  return Object.fromEntries(
    Object.entries(Properties.Environment.Variables).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : 'https://sqs.us-east-1.amazonaws.com/000000000000/made',
    ]),
  );
}

test('the runtime reads from its environment what the construct has put there, and no table of DynamoDB', () => {
  const stack = constructStack();
  const { receiptRetention } = consumerIn(stack, { connectionsPerInstance: 4 });
  const variables = environment(Template.fromStack(stack));
  expect(postgresConsumerSettings(variables)).toMatchObject({
    consumerName: 'ledger',
    receiptRetentionSeconds: receiptRetention.toSeconds(),
    connections: 4,
    onFailure: 'stop',
  });
  expect(Object.keys(variables)).not.toContain('EXACTLY_ONCE_DEDUP_TABLE');
});

test('partial batches, concurrency at the mapping, dead letters and alarms come with it', () => {
  const stack = constructStack();
  const { alarms } = consumerIn(stack);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: 5 },
  });
  template.hasResourceProperties('AWS::SQS::Queue', {
    RedrivePolicy: Match.objectLike({ maxReceiveCount: 1000 }),
  });
  expect(alarms.stoppedGroupsAlarm.node.path).toContain('Ledger');
});

test('it may read its secret and its queue, and reaches the database on its port', () => {
  const stack = constructStack();
  const vpc = new Vpc(stack, 'Network');
  const securityGroups = [new SecurityGroup(stack, 'Database', { vpc, allowAllOutbound: false })];
  const database = { connections: new Connections({ securityGroups, defaultPort: Port.tcp(5432) }) };
  consumerIn(stack, { vpc, database, secret: new Secret(stack, 'Login') });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', { FromPort: 5432, ToPort: 5432 });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({ Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'] }),
      ]),
    },
  });
  expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).not.toContain('dynamodb:');
});

test('more connections than the database has fail the synth, with both numbers and what to change', () => {
  const stack = constructStack();
  expect(
    refusal(() => consumerIn(stack, { maxConnections: 49, connectionsPerInstance: 10 })).message,
  ).toMatch(
    /maxConcurrency 5 x connectionsPerInstance 10 is 50 connections[\s\S]*at most maxConnections, 49/,
  );
});

test('a database without a network, a user without a proxy and no connection at all are refused at once', () => {
  const stack = constructStack();
  const text = refusal(() =>
    consumerIn(stack, {
      database: { connections: new Connections() },
      databaseUser: 'ledger',
      connectionsPerInstance: 0,
    }),
  ).message;
  for (const said of [
    '`database` is given without `vpc`',
    '`databaseUser` is given without `proxy`',
    'connectionsPerInstance is 0',
  ])
    expect(text).toContain(said);
});

test('receipts that do not outlive the horizon fail the synth, as with a table', () => {
  const stack = constructStack();
  const channel = new MessageChannel(stack, 'Short', { kind: ChannelKind.STANDARD });
  const receiptRetention = channel.retention;
  expect(refusal(() => consumerIn(stack, { channel, receiptRetention })).message).toContain(
    'receiptRetention',
  );
});

test('a dedup table beside Postgres is refused: receipts are in one store', () => {
  const stack = constructStack();
  const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.STANDARD });
  const dedupTable = new DedupTable(stack, 'Dedup');
  expect(
    refusal(
      () =>
        new IdempotentConsumer(stack, 'Consumer', {
          ...{ consumerName: 'ledger', channel, dedupTable, entry: noopEntry },
          commitWay: CommitWay.POSTGRES,
        }),
    ).message,
  ).toContain('`dedupTable` is given with commitWay POSTGRES');
});
