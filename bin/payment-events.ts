import { Annotations, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import {
  ChannelKind,
  CommitWay,
  IdempotentConsumer,
  MessageChannel,
  OutboxRelay,
  RelayTarget,
  type DedupTable,
  type OutboxTable,
} from '../lib/index.js';
import { entry } from './entry.js';

export interface PaymentEventsProps {
  readonly dedupTable: DedupTable;
  readonly outbox: OutboxTable;
  /** Where accepted payments go to be settled. */
  readonly accepted: readonly MessageChannel[];
  /** Where settled payments go besides the two readers. */
  readonly settled: readonly MessageChannel[];
  /** What else the relay sends to. */
  readonly targets: readonly RelayTarget[];
  readonly deletionProtection: boolean;
  readonly polling: boolean;
}

/** The incarnation of the outbox's counts. Raise it after the tables were restored from a backup (R37). */
const epoch = '1';

/** For functions that publish: where, and under which incarnation of the counts (docs/runbook/restore.md). */
export function publishing(outbox: OutboxTable): Record<string, string> {
  return { OUTBOX_TABLE: outbox.table.tableName, OUTBOX_EPOCH: epoch };
}

/**
 * The relay of the payments' outbox, and two readers of settled payments over one table: statements from a FIFO
 * channel, notifications from a Standard channel. Both keep the order in which a customer's payments were settled.
 */
export class PaymentEvents {
  readonly outputs: Record<string, string>;

  constructor(scope: Construct, props: PaymentEventsProps) {
    const { dedupTable, outbox, polling } = props;
    const views = new Table(scope, 'Views', {
      partitionKey: { name: 'customer', type: AttributeType.STRING },
      sortKey: { name: 'view', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryption.AWS_MANAGED,
      deletionProtection: props.deletionProtection,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const reader = (id: string, consumerName: string, file: string, kind: ChannelKind) => {
      const channel = new MessageChannel(scope, id, {
        kind,
        ...(kind === ChannelKind.FIFO ? { highThroughput: true } : {}),
        consumerTimeout: Duration.seconds(5),
      });
      const consumer = new IdempotentConsumer(scope, `${id}Reader`, {
        consumerName,
        channel,
        dedupTable,
        commitWay: CommitWay.AGGREGATE,
        effectTable: views,
        entry: entry(file),
        maxConcurrency: 10,
        enabled: polling,
        environment: { VIEWS_TABLE: views.tableName },
      });
      Annotations.of(consumer).acknowledgeWarning(
        'exactly-once-aws:unproven',
        'Only the two readers may write to the views, and neither of them may delete.',
      );
      views.grants.actions(consumer.function, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
      return { channel, consumer };
    };
    const statements = reader('Statements', 'statements', 'outbox/statements.ts', ChannelKind.FIFO);
    const notifications = reader(
      'Notifications',
      'notifications',
      'outbox/notifications.ts',
      ChannelKind.STANDARD,
    );
    const relay = new OutboxRelay(scope, 'Relay', {
      outbox,
      entry: entry('outbox/relay.ts'),
      targets: [
        ...props.accepted.map((channel) => RelayTarget.channel(channel, { types: ['PaymentAccepted'] })),
        RelayTarget.channel(statements.channel, { types: ['PaymentSettled'] }),
        RelayTarget.channel(notifications.channel, { types: ['PaymentSettled'] }),
        ...props.settled.map((channel) => RelayTarget.channel(channel, { types: ['PaymentSettled'] })),
        ...props.targets,
      ],
      timeout: Duration.seconds(5),
      enabled: polling,
    });
    this.outputs = {
      OutboxTableName: outbox.table.tableName,
      RelayFunctionName: relay.function.functionName,
      ViewsTableName: views.tableName,
      StatementsFunctionName: statements.consumer.function.functionName,
      StatementsQueueUrl: statements.channel.queue.queueUrl,
      StatementsDeadLetterQueueUrl: statements.channel.deadLetterQueue.queueUrl,
      NotificationsFunctionName: notifications.consumer.function.functionName,
      NotificationsQueueUrl: notifications.channel.queue.queueUrl,
      NotificationsDeadLetterQueueUrl: notifications.channel.deadLetterQueue.queueUrl,
    };
  }
}
