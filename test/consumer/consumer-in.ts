import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import type { Duration, Stack } from 'aws-cdk-lib';
import {
  ChannelKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  type IdempotentConsumerProps,
} from '../../lib/index.js';
import { noopEntry } from '../fixtures/construct-stack.js';
export type Given = Partial<IdempotentConsumerProps>;

/** A consumer with the given props, on a channel and a table with their defaults unless given too. */
export function consumerIn(stack: Stack, given: Given = {}): IdempotentConsumer {
  return new IdempotentConsumer(stack, 'Consumer', {
    dedupTable: given.dedupTable ?? new DedupTable(stack, 'Dedup'),
    channel: given.channel ?? new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
    consumerName: 'settlement',
    entry: noopEntry,
    ...given,
  });
}

export function dedupAndChannel(stack: Stack): { dedupTable: DedupTable; channel: MessageChannel } {
  return {
    dedupTable: new DedupTable(stack, 'Dedup'),
    channel: new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
  };
}

export function existingFunction(stack: Stack, timeout?: Duration): LambdaFunction {
  return new LambdaFunction(stack, 'Existing', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = () => {}'),
    timeout,
  });
}
