import { App, Duration, Stack, type Environment } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  HandlerFunction,
  IdempotentApi,
  IdempotentConsumer,
  JobQueue,
  KafkaConsumer,
  MessageChannel,
  OutboxRelay,
  OutboxTable,
  PostgresRelay,
  RelayTarget,
  WebhookReceiver,
  WebhookSender,
  type IDedupTable,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

const ours = { account: '111111111111', region: 'eu-west-1' };
const theirs = { account: '222222222222', region: 'us-east-1' };
const elsewhere: [part: 'region' | 'account', Environment][] = [
  ['region', { ...ours, region: theirs.region }],
  ['account', { ...ours, account: theirs.account }],
];

/** Two stacks of one app that may refer to each other. */
function stacks(other: Environment): { here: Stack; there: Stack } {
  const app = new App({ builtinCloudFormationValidation: false, context: { 'aws:cdk:bundling-stacks': [] } });
  const stack = (id: string, env: Environment) => new Stack(app, id, { env, crossRegionReferences: true });
  return { here: stack('Here', ours), there: stack('There', other) };
}

/** What looks a table of receipts up by its name, in its own account and Region. */
const readers: Record<string, (stack: Stack, dedupTable: IDedupTable) => unknown> = {
  IdempotentConsumer: (stack, dedupTable) =>
    new IdempotentConsumer(stack, 'Reader', {
      ...{ consumerName: 'reader', dedupTable, entry: noopEntry },
      channel: new MessageChannel(stack, 'Channel', { kind: ChannelKind.STANDARD }),
    }),
  JobQueue: (stack, dedupTable) =>
    new JobQueue(stack, 'Reader', { consumerName: 'reader', dedupTable, entry: noopEntry }),
  KafkaConsumer: (stack, dedupTable) =>
    new KafkaConsumer(stack, 'Reader', {
      ...{ consumerName: 'reader', dedupTable, entry: noopEntry, topic: 'orders' },
      topicRetention: Duration.days(7),
      clusterArn: 'arn:aws:kafka:eu-west-1:111111111111:cluster/shop/1',
    }),
  IdempotentApi: (stack, dedupTable) =>
    new IdempotentApi(stack, 'Reader', {
      ...{ apiName: 'reader', dedupTable, entry: noopEntry },
      routes: [{ path: '/payments', methods: [HttpMethod.POST] }],
    }),
  WebhookReceiver: (stack, dedupTable) =>
    new WebhookReceiver(stack, 'Reader', {
      ...{ receiverName: 'reader', dedupTable, entry: noopEntry, senders: [{ name: 'stripe' }] },
    }),
  WebhookSender: (stack, dedupTable) =>
    new WebhookSender(stack, 'Reader', {
      ...{ senderName: 'reader', dedupTable, intakeEntry: noopEntry, workerEntry: noopEntry },
    }),
};

describe.each(elsewhere)('receipts of another %s are refused', (part, other) => {
  test.each(Object.entries(readers))('by %s, also when this app makes them', (_, reads) => {
    const { here, there } = stacks(other);
    const dedupTable = new DedupTable(there, 'Dedup');
    expect(refusal(() => reads(here, dedupTable)).violations).toEqual([
      expect.objectContaining({ id: `one-${part}`, given: `\`dedupTable\` is in ${other[part]}` }),
    ]);
  });

  test('where they are rows of the handler, or a table that the app only refers to', () => {
    const { here } = stacks(other);
    const table = Table.fromTableArn(
      ...([here, 'Table', `arn:aws:dynamodb:${other.region}:${other.account}:table/rows`] as const),
    );
    const consumer = () =>
      new IdempotentConsumer(here, 'Consumer', {
        ...{ consumerName: 'reader', entry: noopEntry, receiptTable: table },
        dedupTable: new DedupTable(here, 'Dedup'),
        channel: new MessageChannel(here, 'Channel', { kind: ChannelKind.STANDARD }),
      });
    expect(refusal(consumer).violations).toMatchObject([
      { id: `one-${part}`, given: `\`receiptTable\` is in ${other[part]}` },
    ]);
    expect(refusal(() => DedupTable.fromTable(here, 'Receipts', table)).violations).toMatchObject([
      { id: `one-${part}`, given: `\`table\` is in ${other[part]}` },
    ]);
  });

  test('an outbox, too', () => {
    const { here, there } = stacks(other);
    const relay = () =>
      new OutboxRelay(here, 'Relay', {
        ...{ outbox: new OutboxTable(there, 'Outbox'), entry: noopEntry },
        targets: [RelayTarget.topic(new Topic(here, 'Topic'))],
      });
    expect(refusal(relay).violations).toMatchObject([
      { id: `one-${part}`, given: `\`outbox\` is in ${other[part]}` },
    ]);
  });
});

test('a channel of another Region is refused by its consumer and by its producer; one of another account is none', () => {
  const use = (other: Environment) => {
    const { here, there } = stacks(other);
    const channel = new MessageChannel(there, 'Channel', { kind: ChannelKind.STANDARD });
    const { function: producer } = new HandlerFunction(here, 'Producer', { entry: noopEntry });
    const consumer = () =>
      new IdempotentConsumer(here, 'Consumer', {
        ...{ consumerName: 'reader', channel, commitWay: CommitWay.NATURAL, entry: noopEntry },
      });
    return { consumer, produces: () => channel.addProducer(producer) };
  };
  const far = use({ ...ours, region: 'us-east-1' });
  for (const uses of [far.consumer, far.produces])
    expect(refusal(uses).violations).toMatchObject([
      { id: 'one-region', given: '`channel` is in us-east-1' },
    ]);
  const near = use({ ...ours, account: theirs.account });
  for (const uses of [near.consumer, near.produces]) expect(uses).not.toThrow();
});

describe('targets of a relay', () => {
  const arn = (service: string, name: string, { account, region }: Required<Environment>) =>
    `arn:aws:${service}:${region}:${account}:${name}`;
  const busIn = (stack: Stack, env: Required<Environment>) =>
    RelayTarget.eventBus(EventBus.fromEventBusArn(stack, 'Bus', arn('events', 'event-bus/central', env)));

  const relays: [string, (stack: Stack, target: RelayTarget) => unknown][] = [
    [
      'OutboxRelay',
      (stack, target) =>
        new OutboxRelay(stack, 'Relay', {
          ...{ outbox: new OutboxTable(stack, 'Outbox'), entry: noopEntry, targets: [target] },
        }),
    ],
    [
      'PostgresRelay',
      (stack, target) =>
        new PostgresRelay(stack, 'Relay', { outboxName: 'shop', entry: noopEntry, targets: [target] }),
    ],
  ];

  test.each(relays)('of another Region are refused by %s', (_, relayIn) => {
    const far = { ...ours, region: theirs.region };
    const targets: ((stack: Stack) => RelayTarget)[] = [
      (stack) => busIn(stack, far),
      (stack) => RelayTarget.topic(Topic.fromTopicArn(stack, 'Topic', arn('sns', 'events', far))),
    ];
    for (const target of targets) {
      const stack = constructStack(ours);
      expect(refusal(() => relayIn(stack, target(stack))).violations).toMatchObject([
        { id: 'one-region', given: expect.stringMatching(/^target 'Stack\/.*' is in us-east-1$/) },
      ]);
    }
  });

  test.each([
    ['of another account by its ARN', ours, { ...ours, account: theirs.account }],
    ['by its ARN where the account is known at deployment only', undefined, ours],
    ['of the own account by its name', ours, ours],
  ])('a bus is addressed %s', (how, env, bus) => {
    const stack = constructStack(env);
    const [[, relayIn] = []] = relays;
    relayIn?.(stack, busIn(stack, bus));
    const [relay] = Object.values(
      Template.fromStack(stack).findResources('AWS::Lambda::Function', {
        Properties: { Environment: { Variables: { EXACTLY_ONCE_OUTBOX_GRACE_SECONDS: '60' } } },
      }),
    );
    const { Environment } = relay?.['Properties'] as {
      Environment: { Variables: { EXACTLY_ONCE_OUTBOX_TARGETS: string } };
    };
    expect(JSON.parse(Environment.Variables.EXACTLY_ONCE_OUTBOX_TARGETS)).toEqual([
      { eventBusName: how.includes('its name') ? 'central' : arn('events', 'event-bus/central', bus) },
    ]);
  });
});

test('a queue for dead letters of Kafka is of the own Region', () => {
  const stack = constructStack(ours);
  const deadLetterQueue = Queue.fromQueueArn(stack, 'Dead', 'arn:aws:sqs:us-east-1:111111111111:dead');
  const consumer = () =>
    new KafkaConsumer(stack, 'Consumer', {
      ...{ consumerName: 'reader', entry: noopEntry, topic: 'orders', deadLetterQueue },
      dedupTable: new DedupTable(stack, 'Dedup'),
      topicRetention: Duration.days(7),
      clusterArn: 'arn:aws:kafka:eu-west-1:111111111111:cluster/shop/1',
    });
  expect(refusal(consumer).violations).toMatchObject([
    { id: 'one-region', given: '`deadLetterQueue` is in us-east-1' },
  ]);
});
