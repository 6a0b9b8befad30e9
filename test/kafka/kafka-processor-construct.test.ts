import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import type { IClusterRef } from 'aws-cdk-lib/aws-msk';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ExistingKafkaCluster } from '../../bin/existing-kafka-cluster.js';
import { GuaranteeReport } from '../../lib/guarantees/guarantee-report.js';
import { DedupTable, KafkaProcessor, type KafkaProcessorProps } from '../../lib/index.js';
import { constructStack, refusal } from '../fixtures/construct-stack.js';
import { processorProps } from '../fixtures/kafka-processor.js';

function processorIn(stack: Stack, given: Partial<KafkaProcessorProps> = {}): KafkaProcessor {
  const vpc = new Vpc(stack, 'Vpc', { maxAzs: 2 });
  const [dedupTable, cluster] = [new DedupTable(stack, 'Dedup'), new Cluster(stack, 'Tasks', { vpc })];
  return new KafkaProcessor(stack, 'Purchases', {
    ...processorProps(stack, { dedupTable, cluster }),
    ...given,
  });
}

test('tasks may do what a transactional processor does with these topics, and nothing else', () => {
  const stack = constructStack();
  processorIn(stack);
  const within = (kind: string, name: string): unknown => ({
    'Fn::Join': ['', Match.arrayWith([`:${kind}/`, `/${name}`])],
  });
  const allows = (actions: string[], ...resources: unknown[]) =>
    Match.objectLike({
      Action: actions.map((action) => `kafka-cluster:${action}`),
      Effect: 'Allow',
      Resource: resources.length === 1 ? resources[0] : resources,
    });
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        allows(['Connect', 'DescribeCluster', 'WriteDataIdempotently'], Match.anyValue()),
        allows(['DescribeTopic', 'ReadData'], within('topic', 'orders'), within('topic', 'returns')),
        allows(['DescribeTopic', 'WriteData'], within('topic', 'debits'), within('topic', 'dead')),
        allows(['AlterGroup', 'DescribeGroup'], within('group', 'purchases')),
        allows(
          ['AlterTransactionalId', 'DescribeTransactionalId'],
          within('transactional-id', 'purchases-*'),
        ),
      ]),
    },
  });
});

test('tasks are told everything that kafkaProcessorSettings reads, and there are slots for those of a deployment', () => {
  const stack = constructStack();
  expect(processorIn(stack).slots).toBe(6);
  const variables: Record<string, unknown> = {
    EXACTLY_ONCE_KAFKA_CONSUMER_NAME: 'purchases',
    EXACTLY_ONCE_KAFKA_BOOTSTRAP_SERVERS: 'b-1:9098,b-2:9098',
    EXACTLY_ONCE_KAFKA_TOPICS: 'orders,returns',
    EXACTLY_ONCE_KAFKA_SLOTS: '6',
    EXACTLY_ONCE_KAFKA_DEAD_LETTER_TOPIC: 'dead',
  };
  Template.fromStack(stack).hasResourceProperties('AWS::ECS::TaskDefinition', {
    ContainerDefinitions: [
      Match.objectLike({
        StopTimeout: 60,
        Environment: Match.arrayWith(
          Object.entries(variables).map(([Name, Value]) => Match.objectLike({ Name, Value })),
        ),
      }),
    ],
  });
});

test('tasks follow the lag, and every alarm names its page', () => {
  const stack = constructStack();
  processorIn(stack);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
    MinCapacity: 1,
    MaxCapacity: 3,
  });
  // Not what MSK measures: behind a transaction that hangs there is nothing to be read.
  const told = { Metric: Match.objectLike({ MetricName: 'purchases-lag' }), Stat: 'Sum', Period: 300 };
  template.resourcePropertiesCountIs(
    'AWS::CloudWatch::Alarm',
    {
      AlarmActions: Match.anyValue(),
      Metrics: Match.arrayWith([
        Match.objectLike({ Expression: 'told / 5' }),
        Match.objectLike({ MetricStat: Match.objectLike(told) }),
      ]),
    },
    2,
  );
  for (const page of ['kafka-processor-lag', 'kafka-stalled', 'kafka-dead-letters'])
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmDescription: Match.stringLikeRegexp(`docs/runbook/${page}\\.md`),
    });
});

test('all that is wrong with the props is said at once', () => {
  const { violations } = refusal(() =>
    processorIn(constructStack(), {
      consumerName: 'with space',
      inputTopics: ['orders', 'dead'],
      outputTopics: ['no topic'],
      maxTasks: 0,
    }),
  );
  expect(violations.map(({ id }) => id)).toEqual([
    'consumer-name-stable',
    'topics-named',
    'dead-letters-apart',
    'tasks-in-range',
  ]);
});

test('what it costs while nothing happens is in the report: its tasks run all the same', () => {
  const stack = constructStack();
  processorIn(stack, { minTasks: 2, cpu: 1024, memoryLimitMiB: 2048 });
  const claims = GuaranteeReport.claimsOf(stack)?.constructs.find(({ path }) => path.endsWith('Purchases'));
  expect(claims?.idle).toEqual([
    expect.objectContaining({
      part: 'tasks',
      how: expect.stringMatching(/^2 x 730.* hours x \(1 vCPU x .* 2 GB x/),
    }),
  ]);
});

test('cdk-nag has nothing to say of it, over a cluster that is there and over one of the same app', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'kafka-processor-'));
  try {
    const app = new App({ outdir });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    const stackOf = (id: string, kafkaCluster?: (stack: Stack) => IClusterRef) => {
      const stack = new Stack(app, id);
      const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
        vpcId: 'vpc-1',
        availabilityZones: ['a'],
        privateSubnetIds: ['subnet-1'],
      });
      const cluster = new Cluster(stack, 'Tasks', { vpc, containerInsightsV2: ContainerInsights.ENABLED });
      const { kafkaCluster: made, ...props } = processorProps(stack, {
        dedupTable: new DedupTable(stack, 'Dedup'),
        cluster,
      });
      // Of the cluster's own settings the test does not speak.
      Validations.of(stack.node.findChild('Kafka')).acknowledge({ id: 'AwsSolutions-MSK6', reason: 'any' });
      new KafkaProcessor(stack, 'Purchases', { ...props, kafkaCluster: kafkaCluster?.(stack) ?? made });
    };
    stackOf(
      'There',
      (stack) =>
        new ExistingKafkaCluster(stack, 'Shop', 'arn:aws:kafka:us-east-1:111122223333:cluster/shop/1a2b-3'),
    );
    stackOf('Same');
    app.synth();
  } finally {
    rmSync(outdir, { recursive: true });
  }
});
