import { Duration, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import {
  ChannelKind,
  IdempotentConsumer,
  MessageChannel,
  RelayTarget,
  WebhookReceiver,
  type DedupTable,
  type OutboxTable,
} from '../lib/index.js';
import { effectTable } from './effect-table.js';
import { entry } from './entry.js';

export interface IncomingRefundsProps {
  readonly dedupTable: DedupTable;
  readonly outbox: OutboxTable;
  /** For functions that publish. */
  readonly environment: Record<string, string>;
  readonly accounts: Table;
  readonly payments: Table;
  readonly shop: Table;
  readonly deletionProtection: boolean;
  readonly polling: boolean;
}

/** The channel of the refunds. */
export interface RefundChannel {
  readonly channel: MessageChannel;
  /** For the relay that sends what the provider's events are published as. */
  readonly target: RelayTarget;
}

/** To be made before the relay, which sends to it. */
export function refundChannel(scope: Construct): RefundChannel {
  const channel = new MessageChannel(scope, 'Refunds', {
    kind: ChannelKind.STANDARD,
    consumerTimeout: Duration.seconds(5),
  });
  const types = ['stripe.refund.created', 'stripe.refund.updated'];
  return { channel, target: RelayTarget.channel(channel, { types }) };
}

/**
 * `POST /webhooks/stripe` -> the event's receipt and row of the outbox in one transaction -> relay -> Standard
 * channel -> refund: credit of the customer, debit of the shop, the refund's row and the event that says so, in one
 * transaction with the receipt.
 *
 * @returns outputs of the stack
 */
export function incomingRefunds(
  scope: Construct,
  { channel }: RefundChannel,
  props: IncomingRefundsProps,
): Record<string, string> {
  const { dedupTable, outbox, environment, accounts, payments, shop, polling } = props;
  const secret = new Secret(scope, 'ProviderSecret', {
    description:
      'Signing secret of the payment provider: put here what its dashboard shows for the endpoint.',
    // A text that begins like JSON would be read as a list of secrets.
    generateSecretString: { excludePunctuation: true, passwordLength: 40 },
  });
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason:
      'The payment provider makes it, and a person rotates it there: old and new are listed side by side.',
  });
  const receiver = new WebhookReceiver(scope, 'ProviderEvents', {
    receiverName: 'provider-events',
    dedupTable,
    senders: [{ name: 'stripe', secret }],
    entry: entry('webhook/provider-events.ts'),
    environment,
  });
  outbox.grants.publish(receiver.function);

  const table = effectTable(scope, 'RefundsTable', 'refundId', props.deletionProtection);
  const refunding = new IdempotentConsumer(scope, 'Refunding', {
    consumerName: 'refunds',
    channel,
    dedupTable,
    entry: entry('webhook/refunds.ts'),
    maxConcurrency: 10,
    // Account, shop, refund, event, and the check that the payment is as it was read.
    writesPerMessage: 5,
    enabled: polling,
    environment: {
      ACCOUNTS_TABLE: accounts.tableName,
      PAYMENTS_TABLE: payments.tableName,
      SHOP_TABLE: shop.tableName,
      REFUNDS_TABLE: table.tableName,
      ...environment,
    },
  });
  for (const changed of [accounts, shop, table])
    changed.grants.actions(refunding.function, 'dynamodb:UpdateItem');
  payments.grants.actions(refunding.function, 'dynamodb:GetItem', 'dynamodb:ConditionCheckItem');
  outbox.grants.publish(refunding.function);
  return {
    ProviderEventsUrl: receiver.url,
    ProviderSecretArn: secret.secretArn,
    RefundsTableName: table.tableName,
    RefundsQueueUrl: channel.queue.queueUrl,
    RefundsDeadLetterQueueUrl: channel.deadLetterQueue.queueUrl,
    RefundsFunctionName: refunding.function.functionName,
  };
}
