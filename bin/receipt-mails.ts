import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ChannelKind, IdempotentConsumer, MessageChannel, type DedupTable } from '../lib/index.js';
import { effectTable } from './effect-table.js';
import { entry } from './entry.js';

export interface ReceiptMailsProps {
  readonly dedupTable: DedupTable;
  /** Base address of the mail provider, without a slash at its end. */
  readonly providerUrl: string;
  readonly deletionProtection: boolean;
  readonly polling: boolean;
}

/** What the relay is to feed, and where everything is. */
export interface ReceiptMails {
  readonly channel: MessageChannel;
  readonly outputs: Record<string, string>;
}

/**
 * Settled payments -> Standard channel -> a mail each, sent under a lease and noted in one transaction with the
 * receipt. A lease is the time that is left of its invocation, so no owner outlives it.
 */
export function receiptMails(scope: Construct, props: ReceiptMailsProps): ReceiptMails {
  const table = effectTable(scope, 'Mails', 'paymentId', props.deletionProtection);
  const channel = new MessageChannel(scope, 'ReceiptMails', {
    kind: ChannelKind.STANDARD,
    // Providers are slower than DynamoDB, and a batch calls one ten times.
    consumerTimeout: Duration.seconds(10),
  });
  const mailing = new IdempotentConsumer(scope, 'Mailing', {
    consumerName: 'receipts',
    channel,
    dedupTable: props.dedupTable,
    entry: entry('lease/receipt-mail.ts'),
    maxConcurrency: 10,
    // The mail's row, and its lease, which is written twice outside of the transaction.
    writesPerMessage: 2,
    enabled: props.polling,
    environment: { MAILS_TABLE: table.tableName, MAIL_PROVIDER_URL: props.providerUrl },
  });
  table.grants.actions(mailing.function, 'dynamodb:UpdateItem');
  return {
    channel,
    outputs: {
      MailsTableName: table.tableName,
      ReceiptMailsQueueUrl: channel.queue.queueUrl,
      ReceiptMailsDeadLetterQueueUrl: channel.deadLetterQueue.queueUrl,
      ReceiptMailsFunctionName: mailing.function.functionName,
    },
  };
}
