import { Duration } from 'aws-cdk-lib';
import { AttributeType, BillingMode, StreamViewType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { writeLine } from '../guarantees/cost.js';
import { durationText } from '../guarantees/duration-text.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { isKnown } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { pinResource } from '../guarantees/pinned-names.js';
import { OutboxTableGrants } from './outbox-table-grants.js';

export interface OutboxTableProps {
  /**
   * How long an event is kept after it was sent, for a look back and to be sent again. Unsent events are kept for
   * ever.
   *
   * @default Duration.days(7)
   */
  readonly retention?: Duration;

  /**
   * Customer managed key to encrypt the table with.
   *
   * @default - the AWS managed key of DynamoDB
   */
  readonly encryptionKey?: IKey;

  /**
   * Whether DynamoDB refuses to delete the table.
   *
   * A deleted outbox loses every event that is not sent yet.
   *
   * @default true
   */
  readonly deletionProtection?: boolean;
}

/**
 * The table of events that transactions publish with `tx.publish`: an event is in it exactly when the effects that it
 * tells of are committed. An `OutboxRelay` sends them.
 *
 * Keys `stream` (source, epoch, kind and aggregate) and `version`: an event's row is the record of its version (R29).
 * No index: an event of up to 1 KB costs 3 write units, 2 in the commit and 1 when it is sent. Only what was sent,
 * and is followed by something that was sent, gets an expiry: nothing is deleted unsent, and the newest row of a
 * stream stays, for it is the count (R30).
 *
 * Must be in the account and Region of the tables that the handlers write. No global table: see `DedupTable`.
 *
 * Defaults imposed: on-demand capacity, a stream of new images, time to live in `expiration`, point-in-time recovery,
 * deletion protection, RETAIN. Override the last one with `RemovalPolicies.of(scope)`.
 *
 * @throws InvalidProps when the retention is less than an hour
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
 */
export class OutboxTable extends Construct {
  /** The table itself. */
  public readonly table: Table;
  /** How long an event is kept after it was sent. */
  public readonly retention: Duration;

  constructor(scope: Construct, id: string, props: OutboxTableProps = {}) {
    super(scope, id);
    this.retention = props.retention ?? Duration.days(7);
    if (!isKnown(this.retention) || this.retention.toSeconds() < 3600)
      throw new InvalidProps('OutboxTable', this.node.path, [
        {
          id: 'outbox-retention',
          given: isKnown(this.retention)
            ? `retention is ${this.retention.toSeconds()} seconds`
            : 'retention is a token',
          allowed: 'known at synth and at least 1 hour',
          change: 'give `retention` as a plain Duration of days',
        },
      ]);
    this.table = new Table(this, 'Resource', {
      partitionKey: { name: 'stream', type: AttributeType.STRING },
      sortKey: { name: 'version', type: AttributeType.STRING },
      stream: StreamViewType.NEW_IMAGE,
      timeToLiveAttribute: 'expiration',
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: props.deletionProtection ?? true,
      encryption:
        props.encryptionKey === undefined ? TableEncryption.AWS_MANAGED : TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: props.encryptionKey,
    });
    this.report();
  }

  private report(): void {
    pinResource(this, this.table);
    GuaranteeReport.record('OutboxTable', this, {
      claim: {
        identity: 'aggregate and version of the event',
        way: "the event's row in the transaction of its effects",
        brokenBy: ['an event published outside the transaction', 'a restore that does not raise the epoch'],
      },
      cost: {
        per: 'events',
        batchSize: 1,
        lines: [
          writeLine([
            [2, 'in the commit'],
            [1, 'when it is sent'],
          ]),
        ],
      },
      notes: [
        'The units are those of an event of up to 900 bytes of data, type and names. Each further KB costs 3 more. Where `writesPerMessage` or `writesPerRequest` counts the event, its 2 of the commit are in that cost, too.',
        `A sent event is kept for ${durationText(this.retention)} after the next one of its aggregate was sent; the newest one stays.`,
      ],
    });
  }

  /** Permissions on the events. */
  public get grants(): OutboxTableGrants {
    return new OutboxTableGrants(this.table);
  }
}
