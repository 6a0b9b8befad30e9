import { Annotations, Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ChannelKind, IdempotentConsumer, MessageChannel, OnFailure, type DedupTable } from '../lib/index.js';
import { effectTable } from './effect-table.js';
import { entry } from './entry.js';

export interface UnprotectedTwinProps {
  readonly dedupTable: DedupTable;
  readonly deletionProtection: boolean;
  readonly polling: boolean;
}

/** A settlement without receipts beside the real one. */
export interface UnprotectedTwin {
  /** To be fed with the same events as the real one's. */
  readonly channel: MessageChannel;
  readonly outputs: Record<string, string>;
}

/**
 * The settlement as most people write it, over tables of its own and behind the same kind of channel: what the same
 * payments come to without receipts. For demonstrations only.
 */
export function unprotectedTwin(scope: Construct, props: UnprotectedTwinProps): UnprotectedTwin {
  const { dedupTable, deletionProtection, polling } = props;
  const accounts = effectTable(scope, 'UnprotectedAccounts', 'customer', deletionProtection);
  const payments = effectTable(scope, 'UnprotectedPaymentsTable', 'paymentId', deletionProtection);
  const shop = effectTable(scope, 'UnprotectedShop', 'shard', deletionProtection);
  const channel = new MessageChannel(scope, 'UnprotectedPayments', {
    kind: ChannelKind.FIFO,
    highThroughput: true,
    consumerTimeout: Duration.seconds(5),
  });
  const settlement = new IdempotentConsumer(scope, 'UnprotectedSettlement', {
    consumerName: 'unprotected-settlement',
    channel,
    dedupTable,
    entry: entry('consumer/unprotected-settlement.ts'),
    maxConcurrency: 10,
    writesPerMessage: 3,
    onFailure: OnFailure.SKIP,
    enabled: polling,
    environment: {
      ACCOUNTS_TABLE: accounts.tableName,
      PAYMENTS_TABLE: payments.tableName,
      SHOP_TABLE: shop.tableName,
    },
  });
  Annotations.of(settlement).addInfo('Deployed for comparison: this handler keeps no receipts.');
  for (const table of [accounts, payments, shop])
    table.grants.actions(settlement.function, 'dynamodb:UpdateItem');
  return {
    channel,
    outputs: {
      UnprotectedPaymentsQueueUrl: channel.queue.queueUrl,
      UnprotectedPaymentsDeadLetterQueueUrl: channel.deadLetterQueue.queueUrl,
      UnprotectedSettlementFunctionName: settlement.function.functionName,
      UnprotectedAccountsTableName: accounts.tableName,
      UnprotectedPaymentsTableName: payments.tableName,
      UnprotectedShopTableName: shop.tableName,
    },
  };
}
