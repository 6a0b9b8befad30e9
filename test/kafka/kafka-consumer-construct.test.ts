import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack, Token, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { DedupTable, KafkaAuthentication, KafkaConsumer, type KafkaConsumerProps } from '../../lib/index.js';
import { GuaranteeReport } from '../../lib/guarantees/guarantee-report.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

const cluster = 'arn:aws:kafka:us-east-1:111122223333:cluster/orders/1a2b-3';
const topicId = 'Zk3x1dYVTkyMmHq6hYb0Ow';

const consumerIn = (stack: Stack, given: Partial<KafkaConsumerProps> = {}) =>
  new KafkaConsumer(stack, 'Settlement', {
    consumerName: 'settlement',
    ...('dedupTable' in given ? {} : { dedupTable: new DedupTable(stack, 'Dedup') }),
    entry: noopEntry,
    topic: 'purchases',
    topicRetention: Duration.days(7),
    ...('bootstrapServers' in given ? {} : { clusterArn: cluster }),
    ...given,
  });

const statementsOf = (template: Template) =>
  Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
    ({ Properties }) =>
      (
        Properties as {
          PolicyDocument: { Statement: { Action: string | string[]; Resource: unknown }[] };
        }
      ).PolicyDocument.Statement,
  );

test('by default: provisioned pollers, partial responses, retries without an end, from the oldest record', () => {
  const stack = constructStack();
  consumerIn(stack, { topicId });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    EventSourceArn: cluster,
    Topics: ['purchases'],
    AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'settlement' },
    StartingPosition: 'TRIM_HORIZON',
    BatchSize: 100,
    ProvisionedPollerConfig: { MinimumPollers: 1 },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    MaximumRetryAttempts: Match.absent(),
    MaximumRecordAgeInSeconds: Match.absent(),
    DestinationConfig: Match.absent(),
    SourceAccessConfigurations: Match.absent(),
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: Match.objectLike({
        EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
        EXACTLY_ONCE_REPORTS_ITEM_FAILURES: 'true',
        EXACTLY_ONCE_TOPIC_IDS: JSON.stringify({ purchases: topicId }),
        EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: String((14 + 4 * (7 + 14)) * 86_400),
      }),
    },
  });
});

test('with IAM the mapping may read this topic in this group of this cluster, and nothing else', () => {
  const stack = constructStack();
  consumerIn(stack);
  const kafka = statementsOf(Template.fromStack(stack))
    .filter(({ Action }) => [Action].flat().some((action) => action.startsWith('kafka')))
    .map(({ Action, Resource }) => [[Action].flat(), Resource]);
  const named = (kind: string, name: string) => `${cluster.replace(':cluster/', `:${kind}/`)}/${name}`;
  expect(kafka).toEqual([
    [['kafka:DescribeCluster', 'kafka:DescribeClusterV2', 'kafka:GetBootstrapBrokers'], cluster],
    [['kafka-cluster:Connect', 'kafka-cluster:DescribeClusterDynamicConfiguration'], cluster],
    [['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'], named('topic', 'purchases')],
    [['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'], named('group', 'settlement')],
  ]);
});

test('a self-managed cluster in a network: its servers, its secret, its subnets', () => {
  const stack = constructStack();
  const vpc = new Vpc(stack, 'Vpc');
  consumerIn(stack, {
    bootstrapServers: ['b-1:9092', 'b-2:9092'],
    secret: new Secret(stack, 'Login'),
    authentication: KafkaAuthentication.BASIC,
    clusterVpc: vpc,
    clusterSecurityGroup: new SecurityGroup(stack, 'Group', { vpc }),
  });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    SelfManagedEventSource: { Endpoints: { KafkaBootstrapServers: ['b-1:9092', 'b-2:9092'] } },
    SourceAccessConfigurations: Match.arrayWith([
      { Type: 'BASIC_AUTH', URI: Match.anyValue() },
      { Type: 'VPC_SUBNET', URI: Match.anyValue() },
      { Type: 'VPC_SECURITY_GROUP', URI: Match.anyValue() },
    ]),
  });
  expect(
    statementsOf(template).some(({ Action }) => [Action].flat().includes('ec2:CreateNetworkInterface')),
  ).toBe(true);
});

test('on demand the mapping asks for no partial responses, and the function is not told that it does', () => {
  const stack = constructStack();
  consumerIn(stack, { onDemand: true });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    ProvisionedPollerConfig: Match.absent(),
    FunctionResponseTypes: Match.absent(),
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: Match.not(Match.objectLike({ EXACTLY_ONCE_REPORTS_ITEM_FAILURES: 'true' })) },
  });
});

test('what Lambda gives up goes to a topic of the cluster, which the function may write', () => {
  const stack = constructStack();
  consumerIn(stack, { retryAttempts: 50, onFailureTopic: 'purchases-failed' });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    MaximumRetryAttempts: 50,
    DestinationConfig: { OnFailure: { Destination: 'kafka://purchases-failed' } },
  });
  expect(statementsOf(template)).toContainEqual(
    expect.objectContaining({
      Action: ['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData'],
      Resource: `${cluster.replace(':cluster/', ':topic/')}/purchases-failed`,
    }),
  );
});

test('alarms: lag, a topic that is another one, and all of a consumer', () => {
  const stack = constructStack();
  const consumer = consumerIn(stack);
  consumer.addAlarms({ lag: 500 });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'OffsetLag', Threshold: 500 });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'held', Threshold: 0 });
  template.resourceCountIs('AWS::CloudWatch::Alarm', 12);
});

test.each([
  ['a day', Duration.days(1), 12 * 3600],
  ['a week', Duration.days(7), 48 * 3600],
])(
  'a record that comes again is told before its topic forgets it, which it does after %s',
  (_, topicRetention, told) => {
    const stack = constructStack();
    consumerIn(stack, { topicRetention }).addAlarms();
    Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      ...{ MetricName: 'oldestSeconds', Threshold: told },
    });
  },
);

test('a retention that only the deployment knows makes no alarm: the time is to be given', () => {
  const topicRetention = Duration.seconds(Token.asNumber({ Ref: 'Retention' }));
  const given = { topicRetention, receiptRetention: Duration.days(100) };
  expect(refusal(() => consumerIn(constructStack(), given).addAlarms()).violations).toMatchObject([
    { id: 'known-at-synth' },
  ]);
  const consumer = consumerIn(constructStack(), given);
  expect(() => consumer.addAlarms({ comesAgainFor: Duration.hours(3) })).not.toThrow();
});

describe('dead letters are kept for as long as the horizon reckons with', () => {
  const days = (count: number) => count * 86_400;

  test('in the queue that is made for them', () => {
    const stack = constructStack();
    const consumer = consumerIn(stack, { deadLetterRetention: Duration.days(2) });
    expect(consumer.receiptRetention.toDays()).toBe(14 + 4 * (7 + 2));
    Template.fromStack(stack).hasResourceProperties('AWS::SQS::Queue', { MessageRetentionPeriod: days(2) });
  });

  test('in a queue of the app, or its consumer is refused', () => {
    const stack = constructStack();
    const deadLetterQueue = new Queue(stack, 'Dead', { retentionPeriod: Duration.days(14) });
    const stated = { deadLetterQueue, deadLetterRetention: Duration.days(2) };
    expect(refusal(() => consumerIn(stack, stated)).violations).toMatchObject([
      { id: 'stated-as-deployed', given: 'deadLetterRetention is 2 days' },
    ]);
  });

  test('and in no FIFO queue, which refuses what has no group', () => {
    const stack = constructStack();
    const deadLetterQueue = new Queue(stack, 'Dead', { fifo: true });
    expect(refusal(() => consumerIn(stack, { deadLetterQueue })).violations).toMatchObject([
      { id: 'kind-as-deployed', given: "deadLetterQueue 'Stack/Dead' is FIFO" },
    ]);
  });
});

test('GUARANTEES.md states identity, what would break it, cost and what nobody can check at synth', () => {
  const stack = constructStack();
  const consumer = consumerIn(stack, { topicId, batchSize: 100 });
  const claims = GuaranteeReport.claimsOf(consumer)?.constructs.find(
    ({ constructClass }) => constructClass === 'KafkaConsumer',
  );
  expect(claims).toMatchObject({
    claim: { identity: '(topic id, partition, offset), or key, receipt kept 98 days' },
    unproven: [{ id: 'topic-retention' }],
  });
  expect(claims?.holds.map(({ id }) => id)).toContain('receipts-outlive-the-horizon');
  expect(claims?.cost?.lines.map(({ how }) => how).join()).toContain('4.01 write units');
});

test.each<[string, Partial<KafkaConsumerProps>, string]>([
  ['a name that is none', { consumerName: 'a b' }, 'consumer-name-stable'],
  ['no store', { dedupTable: undefined }, 'one-store'],
  ['two stores', { receiptsInPostgres: true }, 'one-store'],
  ['no cluster', { bootstrapServers: [] }, 'one-cluster'],
  ['two clusters', { clusterArn: cluster, bootstrapServers: ['b:9092'] }, 'one-cluster'],
  ['a cluster in the open without credentials', { bootstrapServers: ['b:9092'] }, 'kafka-cluster-signs-in'],
  [
    'a kind of credentials for MSK',
    { authentication: KafkaAuthentication.BASIC },
    'kafka-msk-knows-its-network',
  ],
  ['a topic that is none', { topic: 'a/b' }, 'kafka-topic-name'],
  ['the name of a topic as its id', { topicId: 'purchases' }, 'kafka-topic-id'],
  ['retries that end nowhere', { retryAttempts: 50 }, 'discarded-records-are-kept'],
  ['an age that ends nowhere', { maxRecordAge: Duration.days(1) }, 'discarded-records-are-kept'],
  ['a destination that ends infinite retries', { onFailureTopic: 'failed' }, 'retries-are-stated'],
  ['a circle', { retryAttempts: 50, onFailureTopic: 'purchases' }, 'kafka-on-failure-is-no-circle'],
  ['too few retries for a verdict', { retryAttempts: 3, onFailureTopic: 'f' }, 'retries-reach-the-verdict'],
  [
    'an age below the time to repair',
    { maxRecordAge: Duration.minutes(2), onFailureTopic: 'f' },
    'record-age-leaves-time-to-repair',
  ],
  ['retries on demand', { onDemand: true, bisectBatchOnError: true }, 'kafka-needs-provisioned-pollers'],
  ['a batch that nobody gets through', { batchSize: 5000 }, 'kafka-batch-fits-the-time'],
  ['pollers beyond all bounds', { minimumPollers: 0 }, 'kafka-pollers'],
  ['receipts that expire too soon', { receiptRetention: Duration.days(1) }, 'receipts-outlive-the-horizon'],
  ['a topic that forgets', { topicRetention: Duration.hours(1) }, 'topic-outlives-an-outage'],
  ['failures that nobody can count', { maxFailures: 0 }, 'failures-countable'],
  ['a variable of ours', { environment: { EXACTLY_ONCE_X: '1' } }, 'environment-reserved'],
])('the synth refuses %s', (_what, given, id) => {
  const stack = constructStack();
  const { violations } = refusal(() => consumerIn(stack, given));
  expect(violations.map((violation) => violation.id)).toContain(id);
});

test('cdk-nag has nothing to say of it, with IAM, with a secret, in a network', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'kafka-'));
  try {
    const app = new App({ outdir, context: { 'aws:cdk:bundling-stacks': [] } });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
    consumerIn(new Stack(app, 'Iam')).addAlarms();
    consumerIn(new Stack(app, 'OnDemand'), { onDemand: true });
    const stack = new Stack(app, 'SelfManaged');
    const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-1',
      availabilityZones: ['a'],
      privateSubnetIds: ['subnet-1'],
    });
    consumerIn(stack, {
      bootstrapServers: ['b-1:9092'],
      secret: Secret.fromSecretNameV2(stack, 'Login', 'login'),
      clusterVpc: vpc,
      clusterSecurityGroup: SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-1'),
      retryAttempts: 50,
      onFailureTopic: 'failed',
    });
    app.synth();
  } finally {
    rmSync(outdir, { recursive: true });
  }
});

test('with its receipts in Postgres it has no table, is granted none, and costs no write unit', () => {
  const stack = constructStack();
  const vpc = new Vpc(stack, 'Vpc');
  const consumer = consumerIn(stack, { dedupTable: undefined, receiptsInPostgres: true, vpc });
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::DynamoDB::GlobalTable', 0);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: Match.objectLike({
        EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
        EXACTLY_ONCE_REPORTS_ITEM_FAILURES: 'true',
        EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: String((14 + 4 * (7 + 14)) * 86_400),
        EXACTLY_ONCE_DEDUP_TABLE: Match.absent(),
      }),
    },
  });
  const actions = statementsOf(template).flatMap(({ Action }) => Action);
  expect(actions.filter((action) => action.startsWith('dynamodb:'))).toEqual([]);
  const claims = GuaranteeReport.claimsOf(consumer)?.constructs.find(
    ({ constructClass }) => constructClass === 'KafkaConsumer',
  );
  expect(claims?.cost?.lines.map(({ how }) => how).join()).not.toContain('write unit');
  expect(claims?.claim?.way).toBe('effects and receipt in one transaction of Postgres');
});

test('two consumers of one name on one table are refused', () => {
  const stack = constructStack();
  const dedupTable = new DedupTable(stack, 'Dedup');
  consumerIn(stack, { dedupTable });
  const { violations } = refusal(
    () =>
      new KafkaConsumer(stack, 'Other', {
        consumerName: 'settlement',
        dedupTable,
        entry: noopEntry,
        topic: 'refunds',
        topicRetention: Duration.days(7),
        clusterArn: cluster,
      }),
  );
  expect(violations.map(({ id }) => id)).toEqual(['consumer-name-unique']);
});
