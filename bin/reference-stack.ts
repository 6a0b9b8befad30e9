import { Annotations, CfnOutput, Duration, RemovalPolicies, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import {
  ChannelKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  OnFailure,
  OutboxTable,
} from '../lib/index.js';
import { acceptingApi } from './accepting-api.js';
import { capturePath } from './capture-path.js';
import type { CdcContext } from './cdc-context.js';
import { activityPath } from './activity-path.js';
import { effectTable } from './effect-table.js';
import { entry } from './entry.js';
import { incomingRefunds, refundChannel } from './incoming-refunds.js';
import { PaymentEvents, publishing } from './payment-events.js';
import { ledgerPath } from './ledger-path.js';
import { paymentSubscribers } from './payment-subscribers.js';
import { receiptMails } from './receipt-mails.js';
import { spilloverPath } from './spillover-path.js';
import { unprotectedTwin } from './unprotected-twin.js';

export interface ReferenceStackProps extends StackProps {
  /** Tables, queues and logs are deleted with the stack, and tables are not protected against deletion. */
  readonly disposable: boolean;
  /** Settlement and counting run without deduplication. */
  readonly unprotected: boolean;
  /** Beside the settlement runs one without receipts on the same payments, over tables of its own. */
  readonly sideBySide: boolean;
  /**
   * Activity events have a second way, through a FIFO queue that spills to Standard.
   *
   * @default false
   */
  readonly spillover?: boolean;
  /** Whether Lambda polls the queues. */
  readonly polling: boolean;
  /**
   * A REST API that takes everybody for one caller, for targets that have no HTTP API and do not say who calls.
   *
   * @default false
   */
  readonly anonymousRestApi?: boolean;
  /**
   * Base address of a mail provider, without a slash at its end: settled payments then send a receipt mail through
   * it.
   *
   * @default - no mails
   */
  readonly mailProviderUrl?: string;
  /**
   * Connection string of a Postgres, without a password: settled payments are then posted there, too.
   *
   * @default - no ledger
   */
  readonly postgresUrl?: string;
  /**
   * Events of a payment provider settle refunds, and customers who have registered endpoints are told of their
   * payments and refunds.
   *
   * @default false
   */
  readonly webhooks?: boolean;
  /**
   * With `webhooks`: CIDR of a network of one's own whose endpoints are reached, also without TLS.
   *
   * @default - endpoints have TLS and public addresses
   */
  readonly subscriberNetwork?: string;
  /**
   * Where a table of payments in Postgres is captured from, and through which Kafka: into a lake, a table of Iceberg
   * and a read model, audited.
   *
   * @default - nothing is captured
   */
  readonly cdc?: CdcContext;
}

/**
 * Paths over one table of receipts.
 *
 * `POST /payments` -> accepted payment, its event and the answer in one transaction -> outbox -> relay -> FIFO
 * channel, one group per customer -> settlement: debit of the customer, the payment's row, credit of the shop and the
 * event that says so, in one transaction with the receipt -> outbox -> relay -> statements (FIFO) and notifications
 * (Standard), each customer's in order; and, where there is a mail provider, a receipt mail each (Standard), sent
 * under a lease.
 *
 * Events of a payment provider -> receipt and event in one transaction -> outbox -> relay -> Standard channel ->
 * refund, in one transaction with the receipt -> outbox; and settled and refunded payments -> Standard channel ->
 * endpoints that customers have registered. Where `webhooks` asks for them.
 *
 * Settled payments -> Standard channel -> ledger in Postgres, in one transaction with the receipt there. Where
 * `postgresUrl` names one.
 *
 * Activity events -> Standard channel -> hourly counters, in transactions with the receipts.
 *
 * Payments of a Postgres -> Debezium in Kafka Connect -> MSK -> lake, Iceberg and read model, each change once, each
 * audited against the table. Where `cdc` names them.
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
    const common = { dedupTable, deletionProtection: protectedTables, polling: props.polling };
    const mails =
      props.mailProviderUrl === undefined
        ? undefined
        : receiptMails(this, { ...common, providerUrl: props.mailProviderUrl });
    const ledger =
      props.postgresUrl === undefined
        ? undefined
        : ledgerPath(this, { url: props.postgresUrl, polling: props.polling });
    const twin = props.sideBySide ? unprotectedTwin(this, common) : undefined;
    const outbox = new OutboxTable(this, 'Outbox', { deletionProtection: protectedTables });
    const publisher = { ...common, outbox, environment: publishing(outbox) };
    const refunds = props.webhooks === true ? refundChannel(this) : undefined;
    const subscribers =
      props.webhooks === true
        ? paymentSubscribers(this, { ...publisher, network: props.subscriberNetwork })
        : undefined;
    const events = new PaymentEvents(this, {
      ...common,
      outbox,
      accepted: [channel, ...(twin === undefined ? [] : [twin.channel])],
      settled: [mails?.channel, ledger?.channel].filter((one) => one !== undefined),
      targets: [refunds?.target, subscribers?.target].filter((target) => target !== undefined),
    });
    const settlement = new IdempotentConsumer(this, 'Settlement', {
      consumerName: 'settlement',
      channel,
      dedupTable,
      receiptTable: payments,
      entry: entry(props.unprotected ? 'consumer/unprotected-settlement.ts' : 'consumer/settlement.ts'),
      maxConcurrency: 10,
      // Account, payment, shop, event.
      writesPerMessage: 4,
      // Payments of a customer are summed: those behind one that fails need not wait for it.
      onFailure: OnFailure.SKIP,
      enabled: props.polling,
      environment: {
        ACCOUNTS_TABLE: accounts.tableName,
        PAYMENTS_TABLE: payments.tableName,
        SHOP_TABLE: shop.tableName,
        ...publisher.environment,
      },
    });
    // The row of a payment is its receipt: this stack gives nobody a permission to delete one.
    Annotations.of(settlement).acknowledgeWarning(
      'exactly-once-aws:unproven',
      'Only the settlement may write to the payments, and it may not delete.',
    );
    outbox.grants.publish(settlement.function);
    accounts.grants.actions(settlement.function, 'dynamodb:UpdateItem');
    shop.grants.actions(settlement.function, 'dynamodb:UpdateItem');
    if (props.unprotected) payments.grants.actions(settlement.function, 'dynamodb:UpdateItem');

    const accepted = effectTable(this, 'Accepted', 'paymentId', protectedTables);
    const api = acceptingApi(this, {
      dedupTable,
      environment: { ACCEPTED_TABLE: accepted.tableName, ...publisher.environment },
      anonymousRest: props.anonymousRestApi ?? false,
    });
    accepted.grants.actions(api.function, 'dynamodb:PutItem');
    outbox.grants.publish(api.function);

    const refunding = refunds && incomingRefunds(this, refunds, { ...publisher, accounts, payments, shop });
    const spillover = props.spillover === true ? spilloverPath(this, common) : {};
    const activity = activityPath(this, { ...common, unprotected: props.unprotected });
    const captured =
      props.cdc === undefined
        ? {}
        : capturePath(this, { ...props.cdc, dedupTable, deletionProtection: protectedTables });

    if (props.disposable) RemovalPolicies.of(this).destroy();

    const outputs = {
      ApiUrl: api.url,
      PaymentsQueueUrl: channel.queue.queueUrl,
      PaymentsDeadLetterQueueUrl: channel.deadLetterQueue.queueUrl,
      DedupTableName: dedupTable.table.tableName,
      AccountsTableName: accounts.tableName,
      PaymentsTableName: payments.tableName,
      ShopTableName: shop.tableName,
      AcceptedTableName: accepted.tableName,
      SettlementFunctionName: settlement.function.functionName,
      AcceptFunctionName: api.function.functionName,
      ...events.outputs,
      ...mails?.outputs,
      ...ledger?.outputs,
      ...twin?.outputs,
      ...subscribers?.outputs,
      ...refunding,
      ...activity,
      ...spillover,
      ...captured,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
