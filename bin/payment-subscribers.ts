import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { WebhookSender, type DedupTable, type OutboxTable, type RelayTarget } from '../lib/index.js';
import { entry } from './entry.js';

export interface PaymentSubscribersProps {
  readonly dedupTable: DedupTable;
  readonly outbox: OutboxTable;
  /** For functions that publish. */
  readonly environment: Record<string, string>;
  /** CIDR of a network of one's own whose subscribers are reached, also without TLS. */
  readonly network: string | undefined;
  readonly deletionProtection: boolean;
  readonly polling: boolean;
}

/** What the relay is to feed, and where everything is. */
export interface PaymentSubscribers {
  readonly target: RelayTarget;
  readonly outputs: Record<string, string>;
}

/**
 * Settled and refunded payments -> Standard channel -> a delivery for each endpoint that the customer has registered,
 * in one transaction with the receipt -> signed and sent until the endpoint takes it.
 */
export function paymentSubscribers(scope: Construct, props: PaymentSubscribersProps): PaymentSubscribers {
  const { dedupTable, outbox, network } = props;
  const sender = new WebhookSender(scope, 'Subscribers', {
    senderName: 'subscribers',
    dedupTable,
    intakeEntry: entry('webhook/subscriber-intake.ts'),
    workerEntry: entry('webhook/subscriber-worker.ts'),
    alerts: outbox,
    shards: 2,
    maxWorkers: 2,
    workerTimeout: Duration.minutes(1),
    deletionProtection: props.deletionProtection,
    enabled: props.polling,
    environment: {
      ...props.environment,
      ...(network !== undefined && { SUBSCRIBER_NETWORK: network }),
    },
  });
  return {
    target: sender.relayTarget({ types: ['PaymentSettled', 'PaymentRefunded'] }),
    outputs: {
      SubscribersTableName: sender.table.tableName,
      SubscribersQueueUrl: sender.channel.queue.queueUrl,
      SubscribersDeadLetterQueueUrl: sender.channel.deadLetterQueue.queueUrl,
      SubscriberIntakeFunctionName: sender.intake.function.functionName,
      SubscriberWorkerFunctionName: sender.worker.functionName,
    },
  };
}
