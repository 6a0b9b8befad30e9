import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import {
  AttributeType,
  BillingMode,
  Table,
  TableEncryption,
  type TableGrants,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct, type IConstruct } from 'constructs';

export interface DedupTableProps {
  /**
   * Customer managed key to encrypt the table with.
   *
   * @default - the AWS managed key of DynamoDB
   */
  readonly encryptionKey?: IKey;

  /**
   * Whether DynamoDB refuses to delete the table.
   *
   * A deleted table forgets every message that was processed: whatever is delivered again acts again.
   *
   * @default true
   */
  readonly deletionProtection?: boolean;
}

/**
 * The table that holds the receipts: the proof, per consumer and message, that a message was processed.
 *
 * A receipt is written in the same transaction as the effects of its message, so the tables that a handler writes must be in the
 * same account and Region. One Region's table is the store: this is no global table on purpose, because DynamoDB replicates
 * after the commit and two Regions would both accept a message.
 *
 * Partition key `id` (string), time to live in `expiration` (epoch seconds), no sort key: the Powertools idempotency layer can
 * use the same table. Several consumers may share it as long as their names differ; this is checked within one app.
 *
 * Defaults imposed: on-demand capacity, point-in-time recovery, deletion protection, RETAIN. Override the last one with
 * `RemovalPolicies.of(scope)`.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
 */
export class DedupTable extends Construct {
  /** The table itself. */
  public readonly table: Table;
  /** Permissions on the receipts. */
  public readonly grants: DedupTableGrants;

  private readonly consumers = new Map<string, IConstruct>();

  constructor(scope: Construct, id: string, props: DedupTableProps = {}) {
    super(scope, id);
    this.table = new Table(this, 'Resource', {
      partitionKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiration',
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: props.deletionProtection ?? true,
      encryption:
        props.encryptionKey === undefined ? TableEncryption.AWS_MANAGED : TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: props.encryptionKey,
    });
    this.grants = new DedupTableGrants(this.table.grants, props.encryptionKey);
  }

  /** Shorthand for `grants.commitReceipts`. */
  public grantCommitReceipts(grantee: IGrantable): Grant {
    return this.grants.commitReceipts(grantee);
  }

  /**
   * Transactions that lost against another one on the same item; the runtime tries them again.
   *
   * @default - sum over 5 minutes
   */
  public metricTransactionConflicts(props?: MetricOptions): Metric {
    return this.table.metric('TransactionConflict', { statistic: 'Sum', ...props });
  }

  /**
   * Conditions that failed. On this table that is mostly a message that had been processed before.
   *
   * @default - sum over 5 minutes
   */
  public metricConditionalCheckFailedRequests(props?: MetricOptions): Metric {
    return this.table.metricConditionalCheckFailedRequests(props);
  }

  /**
   * Write units that receipts consumed.
   *
   * @default - sum over 5 minutes
   */
  public metricConsumedWriteCapacityUnits(props?: MetricOptions): Metric {
    return this.table.metricConsumedWriteCapacityUnits(props);
  }

  /**
   * Read units that receipts consumed.
   *
   * @default - sum over 5 minutes
   */
  public metricConsumedReadCapacityUnits(props?: MetricOptions): Metric {
    return this.table.metricConsumedReadCapacityUnits(props);
  }

  /** @internal */
  public _consumerOf(consumerName: string): IConstruct | undefined {
    return this.consumers.get(consumerName);
  }

  /** @internal */
  public _register(consumerName: string, consumer: IConstruct): void {
    this.consumers.set(consumerName, consumer);
  }
}

/** Permissions on the receipts of a dedup table. */
export class DedupTableGrants {
  /** @internal */
  constructor(
    private readonly table: TableGrants,
    private readonly encryptionKey?: IKey,
  ) {}

  /**
   * What a consumer needs: read receipts, and write them conditionally, alone or in a transaction. TransactWriteItems has no
   * permission of its own, each action in it needs that of the item operation. Deleting is not among them: a consumer that
   * deletes a receipt lets its message act twice.
   *
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
   */
  public commitReceipts(grantee: IGrantable): Grant {
    this.encryptionKey?.grantEncryptDecrypt(grantee);
    return this.table.actions(
      grantee,
      'dynamodb:GetItem',
      'dynamodb:BatchGetItem',
      'dynamodb:ConditionCheckItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    );
  }
}
