import { AttributeType, BillingMode, type ITable, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { pinResource } from '../guarantees/pinned-names.js';
import { DedupTableBase, type IDedupTable } from './dedup-table-base.js';
import { ExistingTable } from './existing-table.js';

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
 * A receipt is written in the same transaction as the effects of its message, so the tables that a handler writes
 * must be in the same account and Region. One Region's table is the store: this is no global table on purpose,
 * because DynamoDB replicates after the commit and two Regions would both accept a message.
 *
 * Partition key `id` (string), time to live in `expiration` (epoch seconds), no sort key: the Powertools idempotency
 * layer can use the same table. An index `attention` lists what waits for a person: stopped groups, and messages that
 * were passed over. Several consumers may share it as long as their names differ; this is checked within one app.
 *
 * Defaults imposed: on-demand capacity, point-in-time recovery, deletion protection, RETAIN. Override the last one
 * with `RemovalPolicies.of(scope)`.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
 */
export class DedupTable extends DedupTableBase {
  /**
   * A table that this construct does not make: partition key `id` (string), no sort key, TTL attribute `expiration`
   * or none. Where the app makes it itself its key is compared, otherwise `GUARANTEES.md` lists it as unproven.
   *
   * @throws InvalidProps when the app makes it with another key, or with multi-Region strong consistency
   */
  public static fromTable(scope: Construct, id: string, table: ITable): IDedupTable {
    return new ExistingTable(scope, id, table);
  }

  /** The table itself. */
  public readonly table: ITable;

  constructor(scope: Construct, id: string, props: DedupTableProps = {}) {
    super(scope, id);
    const table = new Table(this, 'Resource', {
      partitionKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiration',
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: props.deletionProtection ?? true,
      encryption:
        props.encryptionKey === undefined ? TableEncryption.AWS_MANAGED : TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: props.encryptionKey,
    });
    // Sparse: only what waits for a person is in it, and jobs until they have ended; messages cost nothing here while
    // all is well.
    table.addGlobalSecondaryIndex({
      indexName: 'attention',
      partitionKey: { name: 'attention', type: AttributeType.STRING },
      sortKey: { name: 'since', type: AttributeType.STRING },
    });
    this.table = table;
    pinResource(this, table);
  }
}
