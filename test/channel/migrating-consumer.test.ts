import { Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  MigratingConsumer,
  type ChannelWorkload,
  type MigratingConsumerProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

const ordered: ChannelWorkload = {
  ordered: true,
  peakMessagesPerSecond: 10,
  consumerTimePerMessage: Duration.millis(10),
};

function moving(workload?: ChannelWorkload) {
  const stack = constructStack();
  const old = new MessageChannel(stack, 'Payments', { kind: ChannelKind.FIFO, workload });
  const channel = new MessageChannel(stack, 'Payments2', { kind: ChannelKind.STANDARD, migrateFrom: old });
  const common: MigratingConsumerProps = {
    consumerName: 'settlement',
    channel,
    dedupTable: new DedupTable(stack, 'Dedup'),
    entry: noopEntry,
  };
  return { stack, old, channel, common };
}

test('both queues are read, by one handler with one name and one table, until the old one is empty', () => {
  const { stack, old, channel, common } = moving();
  new MigratingConsumer(stack, 'Settlement', common);
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
  for (const { queue } of [old, channel])
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: Match.objectLike({
          EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
          EXACTLY_ONCE_QUEUE_URL: stack.resolve(queue.queueUrl) as unknown,
          EXACTLY_ONCE_SPILLOVER: 'true',
        }),
      },
    });
  template.allResources('AWS::SQS::Queue', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
});

test('a new channel whose old one nobody would read any more fails the synth', () => {
  const { stack, common } = moving();
  expect(refusal(() => new IdempotentConsumer(stack, 'Settlement', common)).message).toMatch(
    /channel takes the place of 'Stack\/Payments', which nobody would read any more.*use MigratingConsumer until the old channel is empty/,
  );
});

test('an order that only the old queue has given cannot be moved under load', () => {
  const { stack, common } = moving(ordered);
  expect(
    refusal(() => new MigratingConsumer(stack, 'Settlement', common)).violations.map(({ id }) => id),
  ).toEqual(['two-queues-keep-order-by-version']);
  const versioned = moving(ordered);
  new MigratingConsumer(versioned.stack, 'Settlement', {
    ...versioned.common,
    commitWay: CommitWay.AGGREGATE,
  });
});

test('a new FIFO queue that waits keeps the order of the queue: its mapping is off, and the old one is read', () => {
  const stack = constructStack();
  const old = new MessageChannel(stack, 'Payments', { kind: ChannelKind.FIFO, workload: ordered });
  const channel = new MessageChannel(stack, 'Payments2', {
    ...{ kind: ChannelKind.FIFO, migrateFrom: old, workload: ordered },
  });
  const { before, after } = new MigratingConsumer(stack, 'Settlement', {
    ...{ consumerName: 'settlement', channel, newQueueWaits: true },
    ...{ dedupTable: new DedupTable(stack, 'Dedup'), entry: noopEntry },
  });
  const enabled = Object.values(
    Template.fromStack(stack).findResources('AWS::Lambda::EventSourceMapping'),
  ).map(({ Properties }) => {
    const { EventSourceArn, Enabled } = Properties as { EventSourceArn: unknown; Enabled?: boolean };
    return [EventSourceArn, Enabled];
  });
  expect(enabled).toEqual(
    expect.arrayContaining([
      [stack.resolve(old.queue.queueArn), undefined],
      [stack.resolve(channel.queue.queueArn), false],
    ]),
  );
  expect(before.consumerName).toBe(after.consumerName);
});

test('a Standard queue that waits has no order either, and no group can be stopped over both', () => {
  const { stack, common } = moving(ordered);
  const waiting = { ...common, newQueueWaits: true };
  expect(
    refusal(() => new MigratingConsumer(stack, 'Settlement', waiting)).violations.map(({ id }) => id),
  ).toEqual(['two-queues-keep-order-by-version']);
});

test('a channel that takes no other one’s place has no migration', () => {
  const { stack, old, common } = moving();
  expect(
    refusal(() => new MigratingConsumer(stack, 'Settlement', { ...common, channel: old })).message,
  ).toContain(
    "channel 'Stack/Payments' has no `migrateFrom`, must be a channel that takes the place of another one",
  );
});
