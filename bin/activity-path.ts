import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ChannelKind, IdempotentConsumer, MessageChannel, type DedupTable } from '../lib/index.js';
import { effectTable } from './effect-table.js';
import { entry } from './entry.js';

export interface ActivityPathProps {
  readonly dedupTable: DedupTable;
  readonly deletionProtection: boolean;
  readonly unprotected: boolean;
  readonly polling: boolean;
}

/**
 * Activity events -> Standard channel -> hourly counters, sharded. Producers send straight to the queue; a
 * MessageGroupId (the customer) makes it a fair queue: one customer's flood does not delay the others. It orders
 * nothing, and counting needs no order.
 *
 * @returns outputs of the stack
 */
export function activityPath(scope: Construct, props: ActivityPathProps): Record<string, string> {
  const table = effectTable(scope, 'ActivityTable', 'counter', props.deletionProtection);
  const channel = new MessageChannel(scope, 'Activity', {
    kind: ChannelKind.STANDARD,
    consumerTimeout: Duration.seconds(5),
    // A dead letter of a Standard queue keeps its age: 14 days less these are left to repair it.
    retention: Duration.days(4),
    deadLetterRetention: Duration.days(14),
    timeToRepair: Duration.days(7),
  });
  const counting = new IdempotentConsumer(scope, 'Counting', {
    consumerName: 'activity',
    channel,
    dedupTable: props.dedupTable,
    entry: entry(props.unprotected ? 'consumer/unprotected-activity.ts' : 'consumer/activity.ts'),
    maxConcurrency: 10,
    enabled: props.polling,
    environment: { ACTIVITY_TABLE: table.tableName },
    // Ten events of one hour on one shard meet at most 3 rows, one per kind.
    writesPerMessage: 0.3,
  });
  table.grants.actions(counting.function, 'dynamodb:UpdateItem');
  return {
    ActivityQueueUrl: channel.queue.queueUrl,
    ActivityDeadLetterQueueUrl: channel.deadLetterQueue.queueUrl,
    ActivityTableName: table.tableName,
    ActivityFunctionName: counting.function.functionName,
  };
}
