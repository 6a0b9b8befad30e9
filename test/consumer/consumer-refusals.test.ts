import type { Stack } from 'aws-cdk-lib';
import { CfnParameter, Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import {
  ChannelKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  type MessageChannelProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';
import { consumerIn, dedupAndChannel, existingFunction, type Given } from './consumer-in.js';

describe('fails when', () => {
  const seconds = (value: number) => Duration.seconds(value);
  test.each<[string, Given, string]>([
    [
      'the name holds what a receipt id is split by',
      { consumerName: 'settlement#1' },
      "consumerName is 'settlement#1', must be 1 to 64 of A-Z a-z 0-9 _ . -: choose a fixed `consumerName`: receipts are found by it for as long as they are kept [consumer-name-stable]",
    ],
    [
      'the name is longer than 64',
      { consumerName: 'x'.repeat(65) },
      `consumerName is '${'x'.repeat(65)}', must be 1 to 64 of A-Z a-z 0-9 _ . -: choose a fixed \`consumerName\`: receipts are found by it for as long as they are kept [consumer-name-stable]`,
    ],
    [
      'there is no function',
      { entry: undefined },
      'neither `entry` nor `handler` is given, must be exactly one of them: give `entry` [one-function]',
    ],
    [
      'a variable of the construct is set by hand',
      { environment: { EXACTLY_ONCE_DEDUP_TABLE: 'mine' } },
      "environment has 'EXACTLY_ONCE_DEDUP_TABLE', must be free of names that begin with EXACTLY_ONCE_: rename the variable; the construct sets its own from the other props [environment-reserved]",
    ],
    [
      'redrives cannot be counted',
      { maxRedrives: 1.5 },
      'maxRedrives is 1.5, must be a whole number from 0: change `maxRedrives` [redrives-countable]',
    ],
    [
      'a batching window is asked of FIFO',
      { maxBatchingWindow: seconds(0) },
      '`maxBatchingWindow` is given, must be left out on a FIFO channel: remove `maxBatchingWindow`, Lambda has none for FIFO queues [batching-window-is-standard]',
    ],
    [
      'the visibility timeout does not cover six runs',
      { timeout: seconds(31) },
      "visibility timeout of 'Stack/Channel' is 3 minutes, must be at least 3 minutes 6 seconds (6 x timeout + maxBatchingWindow): raise `consumerTimeout` or `visibilityTimeout` of 'Stack/Channel', or lower `timeout` [visibility-covers-the-function]",
    ],
    [
      'the timeout leaves no room for a single message',
      { timeout: seconds(2) },
      "timeout is 2 seconds, must be at least 3 seconds (time to handle and commit one message): raise the timeout of the function: `timeout`, or `consumerTimeout` of 'Stack/Channel' [function-has-room]",
    ],
    [
      'a batch is larger than ten',
      { batchSize: 11 },
      'batchSize is 11, must be a whole number from 1 to 10: change `batchSize` [batch-fits-one-transaction]',
    ],
    [
      'a batch is empty',
      { batchSize: 0 },
      'batchSize is 0, must be a whole number from 1 to 10: change `batchSize` [batch-fits-one-transaction]',
    ],
    [
      'receipts are forgotten one second too early',
      { receiptRetention: seconds(86 * 86_400 - 1) },
      'receiptRetention is 85 days 23 hours 59 minutes 59 seconds, must be at least 86 days (producerRetryHorizon + (1 + maxRedrives) x (retention + deadLetterRetention)): raise `receiptRetention`, or lower `producerRetryHorizon`, `maxRedrives` or the retentions of the channel [receipts-outlive-the-horizon]',
    ],
    [
      'there is less concurrency than Lambda can limit to',
      { maxConcurrency: 1 },
      'maxConcurrency is 1, must be a whole number from 2 to 1000: change `maxConcurrency`, or leave it out for no limit [concurrency-limited-at-the-mapping]',
    ],
    [
      'there is more concurrency than Lambda can limit to',
      { maxConcurrency: 1001 },
      'maxConcurrency is 1001, must be a whole number from 2 to 1000: change `maxConcurrency`, or leave it out for no limit [concurrency-limited-at-the-mapping]',
    ],
  ])('%s', (_, given, message) => {
    const error = refusal(() => consumerIn(constructStack(), given));
    expect(error.message).toBe(`IdempotentConsumer 'Stack/Consumer' has invalid props:\n  - ${message}`);
  });

  test('two consumers of one table have one name, and says where both are', () => {
    const stack = constructStack();
    const { dedupTable, channel } = dedupAndChannel(stack);
    new IdempotentConsumer(stack, 'First', {
      consumerName: 'settlement',
      dedupTable,
      channel,
      entry: noopEntry,
    });
    const other = new MessageChannel(stack, 'OtherChannel', { kind: ChannelKind.FIFO });
    expect(refusal(() => consumerIn(stack, { dedupTable, channel: other })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        "  - consumerName is 'settlement', which 'Stack/First' has too, must be unique on the table 'Stack/Dedup': give each consumer its own `consumerName`, or its own `dedupTable` [consumer-name-unique]",
    );
  });

  test('two consumers share a channel, because each would get only some of its messages', () => {
    const stack = constructStack();
    const { dedupTable, channel } = dedupAndChannel(stack);
    new IdempotentConsumer(stack, 'First', { consumerName: 'other', dedupTable, channel, entry: noopEntry });
    expect(refusal(() => consumerIn(stack, { dedupTable, channel })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        "  - channel is 'Stack/Channel', which 'Stack/First' consumes, must be a channel that nobody else consumes, because each message goes to one receiver: give each consumer its own `channel` [one-consumer-per-channel]",
    );
  });

  test('an entry and a function are both given', () => {
    const stack = constructStack();
    expect(refusal(() => consumerIn(stack, { handler: existingFunction(stack) })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        '  - `entry` and `handler` are both given, must be exactly one of them: remove `handler` or `entry` [one-function]',
    );
  });

  test('an existing function is to be shaped', () => {
    const stack = constructStack();
    const given = {
      entry: undefined,
      handler: existingFunction(stack),
      memorySize: 512,
      timeout: seconds(3),
    };
    expect(refusal(() => consumerIn(stack, given)).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        '  - `timeout` is given beside `handler`, must be left out: set `timeout` on the function itself [one-function]\n' +
        '  - `memorySize` is given beside `handler`, must be left out: set `memorySize` on the function itself [one-function]',
    );
  });

  test('several things are wrong: all are in one error, and nothing has been registered', () => {
    const stack = constructStack();
    const { dedupTable, channel } = dedupAndChannel(stack);
    const given = { dedupTable, channel, batchSize: 20, maxConcurrency: 1, entry: undefined };
    expect(refusal(() => consumerIn(stack, given)).violations.map(({ id }) => id)).toEqual([
      'one-function',
      'batch-fits-one-transaction',
      'concurrency-limited-at-the-mapping',
    ]);
    const again = { consumerName: 'settlement', dedupTable, channel, entry: noopEntry };
    expect(() => new IdempotentConsumer(stack, 'Again', again)).not.toThrow();
  });
});

test('consumers of one table with different names, and of two tables with one name, are fine', () => {
  const stack = constructStack();
  const { dedupTable } = dedupAndChannel(stack);
  const consumer = (id: string, consumerName: string, table: DedupTable) =>
    new IdempotentConsumer(stack, id, {
      consumerName,
      dedupTable: table,
      channel: new MessageChannel(stack, `${id}Channel`, { kind: ChannelKind.FIFO }),
      entry: noopEntry,
    });
  consumer('A', 'settlement', dedupTable);
  consumer('B', 'mail', dedupTable);
  consumer('C', 'settlement', new DedupTable(stack, 'OtherDedup'));
  Template.fromStack(stack).resourceCountIs('AWS::Lambda::EventSourceMapping', 3);
});

test('the horizon follows the channel, the producer and the redrives', () => {
  const stack = constructStack();
  const retentions: Partial<MessageChannelProps> = {
    retention: Duration.hours(1),
    deadLetterRetention: Duration.days(2),
  };
  const channel = new MessageChannel(stack, 'Short', { kind: ChannelKind.FIFO, ...retentions });
  const consumer = consumerIn(stack, { channel, producerRetryHorizon: Duration.days(1), maxRedrives: 0 });
  expect(consumer.receiptRetention.toHours()).toBe(24 + 1 + 48);
});

describe('a value that is known only at deployment', () => {
  const numberIn = (stack: Stack) => new CfnParameter(stack, 'Number', { type: 'Number' }).valueAsNumber;
  const ref = { Ref: 'Number' };

  test('is passed on unchecked: batch size and concurrency', () => {
    const stack = constructStack();
    const token = numberIn(stack);
    consumerIn(stack, { batchSize: token, maxConcurrency: token });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: ref,
      ScalingConfig: { MaximumConcurrency: ref },
    });
  });

  test('is passed on unchecked: timeout and retention of receipts', () => {
    const stack = constructStack();
    const token = Duration.seconds(numberIn(stack));
    consumerIn(stack, { timeout: token, receiptRetention: token });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Timeout: ref,
      Environment: { Variables: Match.objectLike({ EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: ref }) },
    });
  });

  test('fails when it is the name: receipts are found by it for months', () => {
    const stack = constructStack();
    const consumerName = new CfnParameter(stack, 'Name').valueAsString;
    expect(refusal(() => consumerIn(stack, { consumerName })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        '  - consumerName is a token, must be a plain string: choose a fixed `consumerName`: receipts are found by it for as long as they are kept [consumer-name-stable]',
    );
  });

  test('fails when the retention of receipts would derive from it', () => {
    const stack = constructStack();
    expect(refusal(() => consumerIn(stack, { maxRedrives: numberIn(stack) })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        '  - receiptRetention is left to a default that depends on a token, must be known at synth: give `receiptRetention`, or plain values for `producerRetryHorizon`, `maxRedrives` and the retentions of the channel [known-at-synth]',
    );
  });
});
