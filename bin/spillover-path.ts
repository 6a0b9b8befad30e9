import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { SpilloverChannel, SpilloverConsumer, type DedupTable } from '../lib/index.js';
import { effectTable } from './effect-table.js';
import { entry } from './entry.js';

export interface SpilloverPathProps {
  readonly dedupTable: DedupTable;
  readonly deletionProtection: boolean;
  readonly polling: boolean;
}

/**
 * Activity events -> FIFO, or Standard while FIFO throttles -> one handler on both -> hourly counters. Counting needs
 * no order.
 *
 * @returns outputs of the stack
 */
export function spilloverPath(scope: Construct, props: SpilloverPathProps): Record<string, string> {
  const table = effectTable(scope, 'SpilloverTable', 'counter', props.deletionProtection);
  const channel = new SpilloverChannel(scope, 'Spillover', { consumerTimeout: Duration.seconds(5) });
  const counting = new SpilloverConsumer(scope, 'SpilloverCounting', {
    consumerName: 'spillover',
    channel,
    dedupTable: props.dedupTable,
    entry: entry('consumer/activity.ts'),
    maxConcurrency: 10,
    enabled: props.polling,
    environment: { ACTIVITY_TABLE: table.tableName },
    writesPerMessage: 0.3,
  });
  for (const { function: handler } of [counting.fifo, counting.standard])
    table.grants.actions(handler, 'dynamodb:UpdateItem');
  return {
    SpilloverFifoQueueUrl: channel.fifo.queue.queueUrl,
    SpilloverFifoDeadLetterQueueUrl: channel.fifo.deadLetterQueue.queueUrl,
    SpilloverFifoFunctionName: counting.fifo.function.functionName,
    SpilloverStandardQueueUrl: channel.standard.queue.queueUrl,
    SpilloverStandardDeadLetterQueueUrl: channel.standard.deadLetterQueue.queueUrl,
    SpilloverStandardFunctionName: counting.standard.function.functionName,
    SpilloverTableName: table.tableName,
  };
}
