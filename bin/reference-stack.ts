import { CfnOutput, Duration, RemovalPolicies, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import {
  ChannelKind,
  DedupTable,
  HandlerFunction,
  IdempotentConsumer,
  MessageChannel,
} from '../lib/index.js';
import { activityPath } from './activity-path.js';
import { effectTable } from './effect-table.js';
import { entry } from './entry.js';
import { paymentsApi } from './payments-api.js';

export interface ReferenceStackProps extends StackProps {
  /** Tables, queues and logs are deleted with the stack, and tables are not protected against deletion. */
  readonly disposable: boolean;
  /** Settlement and counting run without deduplication. */
  readonly unprotected: boolean;
  /** Whether Lambda polls the queues. */
  readonly polling: boolean;
}

/**
 * Two paths over one table of receipts.
 *
 * `POST /payments` -> FIFO channel, one group per customer -> settlement: debit of the customer, the payment's row and credit of
 * the shop, in one transaction with the receipt.
 *
 * Activity events -> Standard channel -> hourly counters, in transactions with the receipts.
 */
export class ReferenceStack extends Stack {
  constructor(scope: Construct, id: string, props: ReferenceStackProps) {
    super(scope, id, props);
    const protectedTables = !props.disposable;
    const accounts = effectTable(this, 'Accounts', 'customer', protectedTables);
    const payments = effectTable(this, 'PaymentsTable', 'paymentId', protectedTables);
    const shop = effectTable(this, 'Shop', 'shard', protectedTables);
    const dedupTable = new DedupTable(this, 'Dedup', { deletionProtection: protectedTables });

    const channel = new MessageChannel(this, 'Payments', {
      kind: ChannelKind.FIFO,
      highThroughput: true,
      // Short, so that a killed function's messages come back within half a minute.
      consumerTimeout: Duration.seconds(5),
    });
    const settlement = new IdempotentConsumer(this, 'Settlement', {
      consumerName: 'settlement',
      channel,
      dedupTable,
      entry: entry(props.unprotected ? 'unprotected-settlement.ts' : 'settlement.ts'),
      maxConcurrency: 10,
      writesPerMessage: 3,
      enabled: props.polling,
      environment: {
        ACCOUNTS_TABLE: accounts.tableName,
        PAYMENTS_TABLE: payments.tableName,
        SHOP_TABLE: shop.tableName,
      },
    });
    for (const table of [accounts, payments, shop])
      table.grants.actions(settlement.function, 'dynamodb:UpdateItem');

    const accept = new HandlerFunction(this, 'Accept', {
      entry: entry('accept.ts'),
      timeout: Duration.seconds(5),
      environment: { PAYMENTS_QUEUE_URL: channel.queue.queueUrl },
    });
    channel.grants.sendMessages(accept.function);
    const stage = paymentsApi(this, accept.function);

    const activity = activityPath(this, {
      dedupTable,
      deletionProtection: protectedTables,
      unprotected: props.unprotected,
      polling: props.polling,
    });

    if (props.disposable) RemovalPolicies.of(this).destroy();

    const outputs = {
      ApiUrl: stage.url,
      PaymentsQueueUrl: channel.queue.queueUrl,
      PaymentsDeadLetterQueueUrl: channel.deadLetterQueue.queueUrl,
      DedupTableName: dedupTable.table.tableName,
      AccountsTableName: accounts.tableName,
      PaymentsTableName: payments.tableName,
      ShopTableName: shop.tableName,
      SettlementFunctionName: settlement.function.functionName,
      AcceptFunctionName: accept.function.functionName,
      ...activity,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
