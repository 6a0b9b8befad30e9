import { Template } from 'aws-cdk-lib/assertions';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type {
  IdempotentApi,
  IdempotentRestApi,
  JobQueue,
  KafkaConsumer,
  OutboxRelay,
  PostgresRelay,
  WebhookPage,
  WebhookReceiver,
  WebhookSender,
} from '../../lib/index.js';
import { ChannelKind, DedupTable, IdempotentConsumer, MessageChannel } from '../../lib/index.js';
import { constructStack, noopEntry } from '../fixtures/construct-stack.js';

/** Compiles only while each is the class, with `addEnvironment` and `addLayers`, and not the interface. */
type Made = [
  IdempotentApi['function'],
  IdempotentRestApi['function'],
  JobQueue['function'],
  KafkaConsumer['function'],
  OutboxRelay['function'],
  PostgresRelay['function'],
  WebhookPage['function'],
  WebhookReceiver['function'],
  WebhookSender['worker'],
  IdempotentConsumer['ownFunction'],
][number];
type IsClass<T> = [T] extends [LambdaFunction | undefined] ? true : never;
const everyOneIsTheClass: IsClass<Made> = true;

test('functions that constructs make are typed as what they are, so that environment can be added to them', () => {
  expect(everyOneIsTheClass).toBe(true);
  const stack = constructStack();
  const own = new IdempotentConsumer(stack, 'Own', {
    consumerName: 'own',
    channel: new MessageChannel(stack, 'Payments', { kind: ChannelKind.FIFO }),
    dedupTable: new DedupTable(stack, 'Dedup'),
    entry: noopEntry,
  });
  own.ownFunction?.addEnvironment('MORE', 'yes');
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: { EXACTLY_ONCE_CONSUMER_NAME: 'own', MORE: 'yes' } },
  });
});

test('a function that was given is not claimed to be made here', () => {
  const stack = constructStack();
  const given = LambdaFunction.fromFunctionAttributes(stack, 'Given', {
    functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:given',
    sameEnvironment: true,
  });
  const consumer = new IdempotentConsumer(stack, 'Own', {
    consumerName: 'own',
    channel: new MessageChannel(stack, 'Payments', { kind: ChannelKind.FIFO }),
    dedupTable: new DedupTable(stack, 'Dedup'),
    handler: given,
  });
  expect(consumer.ownFunction).toBeUndefined();
  expect(consumer.function).toBe(given);
});
