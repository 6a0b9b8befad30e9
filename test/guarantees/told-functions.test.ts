import { type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Alias, Function as LambdaFunction, type IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  HandlerFunction,
  IdempotentConsumer,
  JobQueue,
  MessageChannel,
  SpilloverChannel,
  WebhookSender,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';
import { existingFunction } from '../consumer/consumer-in.js';
import { jobQueueSettings } from '../../runtime/jobs/index.js';

const standard = (stack: Stack, id: string) => new MessageChannel(stack, id, { kind: ChannelKind.STANDARD });

const producerIn = (stack: Stack) => new HandlerFunction(stack, 'Producer', { entry: noopEntry }).function;

describe('a variable of a function has one value: a second construct that would replace it is refused', () => {
  test.each([
    ['that this app makes', existingFunction],
    ['that it only refers to', (stack: Stack) => LambdaFunction.fromFunctionName(stack, 'Theirs', 'settle')],
  ])('two consumers of one function %s, whatever their names and tables', (_, functionIn) => {
    const stack = constructStack();
    const handler = functionIn(stack);
    const consume = (consumerName: string, commitWay?: CommitWay) =>
      new IdempotentConsumer(stack, consumerName, {
        ...{ consumerName, handler, commitWay, channel: standard(stack, `${consumerName}Channel`) },
        ...(commitWay === undefined && { dedupTable: new DedupTable(stack, `${consumerName}Table`) }),
      });
    consume('settlement');
    for (const commitWay of [undefined, CommitWay.NATURAL])
      expect(refusal(() => consume(`mails-${commitWay}`, commitWay)).violations).toMatchObject([
        { id: 'one-consumer-per-function', given: expect.stringContaining("'Stack/settlement' calls, too") },
      ]);
  });

  test('a consumer of a function, and one of its alias', () => {
    const stack = constructStack();
    const made = existingFunction(stack);
    const live = new Alias(stack, 'Live', { aliasName: 'live', version: made.currentVersion });
    const consume = (consumerName: string, handler: IFunction) =>
      new IdempotentConsumer(stack, consumerName, {
        ...{ consumerName, handler, channel: standard(stack, `${consumerName}Channel`) },
        dedupTable: new DedupTable(stack, `${consumerName}Table`),
      });
    consume('settlement', live);
    for (const [consumerName, handler] of [
      ['mails', made] as const,
      ['points', made.currentVersion] as const,
    ])
      expect(refusal(() => consume(consumerName, handler)).violations).toMatchObject([
        { id: 'one-consumer-per-function', given: expect.stringContaining("'Stack/settlement' calls, too") },
      ]);
  });

  test.each([
    ['channels', (stack: Stack, id: string) => standard(stack, id), 'EXACTLY_ONCE_CHANNEL_QUEUE_URL'],
    [
      'channels that spill over',
      (stack: Stack, id: string) => new SpilloverChannel(stack, id),
      'EXACTLY_ONCE_CHANNEL_QUEUE_URL, EXACTLY_ONCE_CHANNEL_SPILLOVER_QUEUE_URL',
    ],
    [
      'job queues',
      (stack: Stack, id: string) =>
        new JobQueue(stack, id, {
          ...{ consumerName: id, entry: noopEntry, dedupTable: new DedupTable(stack, `${id}Table`) },
        }),
      'EXACTLY_ONCE_JOBS_CONSUMER_NAME, EXACTLY_ONCE_JOBS_DEDUP_TABLE',
    ],
  ])('one producer of two %s', (_, make, variables) => {
    const stack = constructStack();
    const producer = producerIn(stack);
    const [first, second] = [make(stack, 'First'), make(stack, 'Second')];
    first.addProducer(producer);
    expect(() => {
      first.addProducer(producer);
    }).not.toThrow();
    expect(
      refusal(() => {
        second.addProducer(producer);
      }).violations,
    ).toMatchObject([
      {
        id: 'function-told-once',
        given: expect.stringContaining(`'Stack/Producer/Resource' is given ${variables}`),
      },
    ]);
  });

  test('an operator of two senders', () => {
    const stack = constructStack();
    const operator = producerIn(stack);
    const sender = (senderName: string) =>
      new WebhookSender(stack, senderName, {
        ...{ senderName, intakeEntry: noopEntry, workerEntry: noopEntry },
        dedupTable: new DedupTable(stack, `${senderName}Table`),
      });
    sender('orders').addOperator(operator);
    const invoices = sender('invoices');
    expect(
      refusal(() => {
        invoices.addOperator(operator);
      }).violations,
    ).toMatchObject([
      {
        id: 'function-told-once',
        given: expect.stringMatching(/^'Stack\/Producer\/Resource' is given .* 'Stack\/orders' has set/),
      },
    ]);
  });

  test('the consumer of a channel that sends to another one by the name of what it is told itself', () => {
    const stack = constructStack();
    const consumer = new IdempotentConsumer(stack, 'Consumer', {
      ...{ consumerName: 'settlement', channel: standard(stack, 'In'), commitWay: CommitWay.NATURAL },
      entry: noopEntry,
    });
    const out = standard(stack, 'Out');
    expect(
      refusal(() => {
        out.addProducer(consumer.ownFunction!, { name: 'DEAD_LETTER' });
      }).violations,
    ).toMatchObject([
      {
        given: expect.stringContaining("EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL, which 'Stack/Consumer' has set"),
      },
    ]);
  });
});

test('two channels and two queues of jobs under names of their own, and a consumer, are one function’s', () => {
  const stack = constructStack();
  const { function: producer } = new HandlerFunction(stack, 'Producer', { entry: noopEntry });
  standard(stack, 'First').addProducer(producer);
  standard(stack, 'Second').addProducer(producer, { name: 'SECOND' });
  const dedupTable = new DedupTable(stack, 'Dedup');
  new JobQueue(stack, 'Jobs', { consumerName: 'jobs', dedupTable, entry: noopEntry }).addProducer(producer);
  new JobQueue(stack, 'Mails', { consumerName: 'mails', dedupTable, entry: noopEntry }).addProducer(
    producer,
    {
      name: 'MAILS',
    },
  );
  new IdempotentConsumer(stack, 'Consumer', {
    ...{ consumerName: 'settlement', dedupTable, channel: standard(stack, 'In'), handler: producer },
  });
  const functions = Object.entries(Template.fromStack(stack).findResources('AWS::Lambda::Function'));
  const [, { Properties }] = functions.find(([id]) => id.startsWith('Producer'))!;
  const { Environment } = Properties as { Environment: { Variables: Record<string, unknown> } };
  const told = Object.fromEntries(
    Object.entries(Environment.Variables).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
  expect(jobQueueSettings(told)).toMatchObject({ consumerName: 'jobs' });
  expect(jobQueueSettings(told, 'MAILS')).toMatchObject({ consumerName: 'mails' });
  expect(jobQueueSettings(told, 'MAILS').queueUrl).not.toBe(jobQueueSettings(told).queueUrl);
  expect(Object.keys(Environment.Variables)).toEqual(
    expect.arrayContaining([
      'EXACTLY_ONCE_CHANNEL_QUEUE_URL',
      'EXACTLY_ONCE_SECOND_QUEUE_URL',
      'EXACTLY_ONCE_JOBS_QUEUE_URL',
      'EXACTLY_ONCE_QUEUE_URL',
    ]),
  );
});
