import { Duration, type Stack } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage } from 'aws-cdk-lib/aws-ecs';
import {
  ChannelKind,
  DedupTable,
  IdempotentApi,
  IdempotentConsumer,
  JobQueue,
  KafkaConsumer,
  KafkaProcessor,
  MessageChannel,
  WebhookReceiver,
  WebhookSender,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';
import { processorProps } from '../fixtures/kafka-processor.js';

type Make = (stack: Stack, id: string, dedupTable: DedupTable) => unknown;

/** All whose rows are found by a name on a table of receipts, each made with the name `shop`. */
const named: Record<string, Make> = {
  IdempotentConsumer: (stack, id, dedupTable) =>
    new IdempotentConsumer(stack, id, {
      ...{ consumerName: 'shop', dedupTable, entry: noopEntry },
      channel: new MessageChannel(stack, `${id}Channel`, { kind: ChannelKind.STANDARD }),
    }),
  'JobQueue on Lambda': (stack, id, dedupTable) =>
    new JobQueue(stack, id, { consumerName: 'shop', dedupTable, entry: noopEntry }),
  'JobQueue on Fargate': (stack, id, dedupTable) =>
    new JobQueue(stack, id, {
      ...{ consumerName: 'shop', dedupTable, image: ContainerImage.fromRegistry('jobs') },
      cluster: new Cluster(stack, `${id}Cluster`, { vpc: new Vpc(stack, `${id}Vpc`) }),
    }),
  KafkaConsumer: (stack, id, dedupTable) =>
    new KafkaConsumer(stack, id, {
      ...{ consumerName: 'shop', dedupTable, entry: noopEntry, topic: 'orders' },
      topicRetention: Duration.days(7),
      clusterArn: 'arn:aws:kafka:eu-west-1:111111111111:cluster/shop/1',
    }),
  KafkaProcessor: (stack, id, dedupTable) => {
    const cluster = new Cluster(stack, `${id}Cluster`, { vpc: new Vpc(stack, `${id}Vpc`) });
    return new KafkaProcessor(stack, id, {
      ...processorProps(stack, { cluster, dedupTable }, `${id}Kafka`),
      consumerName: 'shop',
    });
  },
  IdempotentApi: (stack, id, dedupTable) =>
    new IdempotentApi(stack, id, {
      ...{ apiName: 'shop', dedupTable, entry: noopEntry, routes: [{ path: '/orders' }] },
    }),
  WebhookReceiver: (stack, id, dedupTable) =>
    new WebhookReceiver(stack, id, {
      ...{ receiverName: 'shop', dedupTable, entry: noopEntry, senders: [{ name: 'stripe' }] },
    }),
  WebhookSender: (stack, id, dedupTable) =>
    new WebhookSender(stack, id, {
      ...{ senderName: 'shop', dedupTable, intakeEntry: noopEntry, workerEntry: noopEntry },
    }),
};

test.each(
  Object.keys(named).flatMap((first) =>
    Object.keys(named).map((second): [string, string] => [first, second]),
  ),
)(
  '%s and then %s of one name on one table: the second is refused, and taken on a table of its own',
  (first, second) => {
    const stack = constructStack();
    const dedupTable = new DedupTable(stack, 'Dedup');
    named[first]?.(stack, 'First', dedupTable);
    expect(refusal(() => named[second]?.(stack, 'Second', dedupTable)).violations).toEqual([
      expect.objectContaining({
        id: expect.stringMatching(/^(?:consumer|api|receiver|sender)-name-unique$/),
        given: expect.stringContaining("'shop', which 'Stack/First"),
      }),
    ]);
    const other = new DedupTable(stack, 'Other');
    expect(() => named[second]?.(stack, 'Third', other)).not.toThrow();
  },
);
