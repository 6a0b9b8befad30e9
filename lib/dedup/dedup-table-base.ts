import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct, type IConstruct } from 'constructs';
import { DedupTableGrants } from './dedup-table-grants.js';

/** A table of receipts, made by `DedupTable` or taken with `DedupTable.fromTable`. */
export interface IDedupTable extends IConstruct {
  /** The table itself. */
  readonly table: ITable;
  /** Permissions on the receipts. */
  readonly grants: DedupTableGrants;

  /** Shorthand for `grants.commitReceipts`. */
  grantCommitReceipts(grantee: IGrantable): Grant;

  /**
   * Transactions that lost against another one on the same item; the runtime tries them again.
   *
   * @default - sum over 5 minutes
   */
  metricTransactionConflicts(props?: MetricOptions): Metric;

  /**
   * Conditions that failed. On this table that is mostly a message that had been processed before.
   *
   * @default - sum over 5 minutes
   */
  metricConditionalCheckFailedRequests(props?: MetricOptions): Metric;

  /**
   * Write units that receipts consumed.
   *
   * @default - sum over 5 minutes
   */
  metricConsumedWriteCapacityUnits(props?: MetricOptions): Metric;

  /**
   * Read units that receipts consumed.
   *
   * @default - sum over 5 minutes
   */
  metricConsumedReadCapacityUnits(props?: MetricOptions): Metric;
}

/**
 * What a table of receipts offers, whoever made it.
 *
 * @internal
 */
export abstract class DedupTableBase extends Construct implements IDedupTable {
  public abstract readonly table: ITable;

  /** Permissions on the receipts. */
  public get grants(): DedupTableGrants {
    return new DedupTableGrants(this.table);
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
}
