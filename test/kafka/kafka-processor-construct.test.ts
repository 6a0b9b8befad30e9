import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster } from 'aws-cdk-lib/aws-ecs';
import type { Stack } from 'aws-cdk-lib';
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
