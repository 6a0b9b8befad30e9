import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Duration } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  OnFailure,
  type IdempotentConsumerProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

interface Shape extends Partial<IdempotentConsumerProps> {
  readonly kind?: ChannelKind;
  readonly table?: boolean;
}

function consumerWith({ kind = ChannelKind.FIFO, table = true, ...props }: Shape) {
  const stack = constructStack();
  const channel = new MessageChannel(stack, 'Channel', { kind, consumerTimeout: Duration.seconds(10) });
  const dedupTable = table ? new DedupTable(stack, 'Dedup') : undefined;
  const consumer = { consumerName: 'orders', channel, dedupTable, entry: noopEntry, ...props };
  new IdempotentConsumer(stack, 'Consumer', consumer);
  return stack;
}

function environment(shape: Shape): Record<string, unknown> {
  const functions = Template.fromStack(consumerWith(shape)).findResources('AWS::Lambda::Function');
  const [made] = Object.values(functions) as {
    Properties: { Environment: { Variables: Record<string, unknown> } };
  }[];
  return made?.Properties.Environment.Variables ?? {};
}

test.each<[string, Shape, string]>([
  ['a FIFO channel', {}, 'stop'],
  ['a Standard channel', { kind: ChannelKind.STANDARD }, 'skip'],
  ['aggregates, on Standard too', { kind: ChannelKind.STANDARD, commitWay: CommitWay.AGGREGATE }, 'stop'],
  ['FIFO without a table, which keeps no groups', { table: false, commitWay: CommitWay.INSERT }, 'skip'],
  ['what is given', { onFailure: OnFailure.SKIP }, 'skip'],
])('onFailure of %s', (_, shape, expected) => {
  expect(environment(shape)).toMatchObject({
    EXACTLY_ONCE_ON_FAILURE: expected,
    EXACTLY_ONCE_MAX_FAILURES: '5',
  });
});

test('the function is told its queue and how many failures are too many', () => {
  const variables = environment({ maxFailures: 9 });
  expect(variables.EXACTLY_ONCE_MAX_FAILURES).toBe('9');
  expect(JSON.stringify(variables.EXACTLY_ONCE_QUEUE_URL)).toMatch(/"Ref":"Channel/);
});

test.each<[string, Shape, string]>([
  [
    'a stop without a table',
    { table: false, commitWay: CommitWay.NATURAL, onFailure: OnFailure.STOP },
    'stopped-groups-need-a-table',
  ],
  ['a stop on Standard', { kind: ChannelKind.STANDARD, onFailure: OnFailure.STOP }, 'groups-have-an-order'],
  ['no failure at all', { maxFailures: 0 }, 'failures-countable'],
  ['half a failure', { maxFailures: 1.5 }, 'failures-countable'],
])('%s is refused', (_, shape, id) => {
  expect(refusal(() => consumerWith(shape)).violations.map((violation) => violation.id)).toEqual([id]);
});

test.each<[string, Shape, RegExp]>([
  ['stop', {}, /after 5 failures of its own.*group then stops.*1 read unit a group/],
  ['skip', { onFailure: OnFailure.SKIP }, /Messages behind it go on/],
  ['aggregate', { commitWay: CommitWay.AGGREGATE }, /stands still in its aggregate/],
  ['no table', { table: false, commitWay: CommitWay.NATURAL }, /cannot be told from receives/],
])('GUARANTEES.md says what happens: %s', (_, shape, text) => {
  const { root } = consumerWith(shape).node;
  if (!App.isApp(root)) throw new Error('the stack has no app');
  const { directory } = root.synth();
  expect(readFileSync(join(directory, 'GUARANTEES.md'), 'utf8')).toMatch(text);
});

describe('a queue of the app that has a dead-letter queue of its own', () => {
  const consumerOn = (maxReceiveCount: number, given: { maxFailures?: number; otherDead?: boolean } = {}) => {
    const stack = constructStack();
    const deadLetterQueue = new Queue(stack, 'Dead', { retentionPeriod: Duration.days(14), fifo: true });
    const queue = new Queue(stack, 'Orders', {
      ...{ fifo: true, visibilityTimeout: Duration.minutes(3) },
      deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount },
    });
    const otherDead = new Queue(stack, 'OtherDead', { retentionPeriod: Duration.days(14), fifo: true });
    const channel = MessageChannel.fromQueues(stack, 'Channel', {
      ...{ kind: ChannelKind.FIFO, queue },
      deadLetterQueue: given.otherDead === true ? otherDead : deadLetterQueue,
      visibilityTimeout: Duration.minutes(3),
      ...{ retention: Duration.days(4), deadLetterRetention: Duration.days(14) },
    });
    return new IdempotentConsumer(stack, 'Consumer', {
      ...{ consumerName: 'settlement', channel, entry: noopEntry, maxFailures: given.maxFailures },
      dedupTable: new DedupTable(stack, 'Dedup'),
    });
  };

  test.each([
    [3, undefined],
    [5, 6],
  ])('is refused where SQS gives up before the consumer: after %i receives', (receives, maxFailures) => {
    expect(refusal(() => consumerOn(receives, { maxFailures })).violations).toMatchObject([
      { id: 'sqs-gives-up-last', given: `'Stack/Orders' redrives after ${receives} receives` },
    ]);
  });

  test.each([
    [3, 3],
    [1000, undefined],
  ])('is taken where the consumer gives up first: after %i receives', (receives, maxFailures) => {
    expect(() => consumerOn(receives, { maxFailures })).not.toThrow();
  });

  test('is refused where that is another one than is stated', () => {
    expect(refusal(() => consumerOn(1000, { otherDead: true })).violations).toMatchObject([
      { id: 'stated-as-deployed', given: "deadLetterQueue is 'Stack/OtherDead'" },
    ]);
  });
});
