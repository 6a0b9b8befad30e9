import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Stack } from 'aws-cdk-lib';
import { ExistingKafkaCluster } from '../../bin/existing-kafka-cluster.js';
import { DedupTable, SinkService, type SinkServiceProps } from '../../lib/index.js';
import { kafkaSinkSettings } from '../../runtime/cdc/kafka/index.js';
import { constructStack, refusal } from '../fixtures/construct-stack.js';

const clusterArn = 'arn:aws:kafka:us-east-1:111122223333:cluster/shop/1a2b-3';

function sinkIn(stack: Stack, given: Partial<SinkServiceProps> = {}): SinkService {
  return new SinkService(stack, 'Sink', {
    sinkName: 'lake',
    cluster: new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc', { maxAzs: 2 }) }),
    image: ContainerImage.fromRegistry('sink'),
    kafkaCluster: new ExistingKafkaCluster(stack, 'Kafka', clusterArn),
    bootstrapServers: 'b-1:9098',
    topics: ['shop.public.payments'],
    ...given,
  });
}

describe('a sink that reads MSK', () => {
  test('is told all that its program reads, and may read its topics and send its letters, and nothing else', () => {
    const stack = constructStack({ account: '111122223333', region: 'us-east-1' });
    const sink = sinkIn(stack, { deadLetterTopic: 'letters' });
    new DedupTable(stack, 'Dedup').grants.moveSink(sink, 'lake');
    const template = Template.fromStack(stack);
    const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
    const [{ Environment }] = (
      task?.Properties as {
        ContainerDefinitions: [{ Environment: { Name: string; Value: string }[] }];
      }
    ).ContainerDefinitions;
    const settings = kafkaSinkSettings(
      Object.fromEntries(Environment.map(({ Name, Value }) => [Name, Value])),
    );
    expect(settings).toMatchObject({
      sinkName: 'lake',
      source: {
        kafka: { 'bootstrap.servers': 'b-1:9098', 'security.protocol': 'sasl_ssl' },
        topics: ['shop.public.payments'],
      },
      deadLetters: { topic: 'letters', sinkName: 'lake' },
    });
    const within = (resource: string) => `arn:aws:kafka:us-east-1:111122223333:${resource}`;
    const allows = (actions: string | string[], resource: string) =>
      Match.objectLike({ Effect: 'Allow', Action: actions, Resource: resource });
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          allows(
            ['kafka-cluster:Connect', 'kafka-cluster:DescribeCluster', 'kafka-cluster:WriteDataIdempotently'],
            clusterArn,
          ),
          allows(
            ['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'],
            within('topic/shop/1a2b-3/shop.public.payments'),
          ),
          allows('kafka-cluster:DescribeGroup', within('group/shop/1a2b-3/exactly-once-sink')),
          allows(
            ['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData'],
            within('topic/shop/1a2b-3/letters'),
          ),
          Match.objectLike({
            Action: ['dynamodb:GetItem', 'dynamodb:PutItem'],
            Condition: Match.objectLike({
              'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['sink/lake/*'] },
            }),
          }),
        ]),
      },
    });
  });

  test.each<[Partial<SinkServiceProps>, string]>([
    [{ topics: undefined }, 'kafka-whole'],
    [{ bootstrapServers: undefined }, 'kafka-whole'],
    [{ deadLetterTopic: 'shop.public.payments' }, 'dead-letters-apart'],
    [
      { kafkaCluster: undefined, bootstrapServers: undefined, topics: undefined, deadLetterTopic: 'letters' },
      'kafka-whole',
    ],
  ])('%j is refused', (given, id) => {
    const { violations } = refusal(() => sinkIn(constructStack(), given));
    expect(violations.map((violation) => violation.id)).toEqual([id]);
  });
});
