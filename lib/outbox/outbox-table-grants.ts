import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

type Conditions = Record<string, Record<string, string | string[]>>;

/**
 * Partition keys of the relay's own rows, as runtime/outbox/row.ts makes them. `?` is one character: no stream of
 * events is like them, because those have more members.
 */
const stuckStreams = '["stuck","??"]';
const ticks = '["tick","?"]';
const relayState = '["state","relay"]';

/** Permissions on the events of an outbox table. */
export class OutboxTableGrants {
  /** @internal */
  constructor(private readonly table: ITable) {}

  /**
   * For handlers that call `tx.publish`: find the newest event of an aggregate and the epoch that is open, and write
   * new events. Nothing on the tables of the aggregates, but with `adoptVersions`, which reads their items
   * (`dynamodb:GetItem`).
   *
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
   */
  public publish(grantee: IGrantable): Grant {
    return this.grant(grantee, ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem']);
  }

  /**
   * For the relay: read events, mark what is sent, and keep the list of streams that are stuck. It may write and
   * delete rows of that list and of its own state only, never an event's: time to live does that.
   *
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
   */
  public relay(grantee: IGrantable): Grant {
    const own = (...streams: string[]) => ({
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': streams },
      // Without keys the above holds, too.
      Null: { 'dynamodb:LeadingKeys': 'false' },
    });
    return this.grant(grantee, [
      'dynamodb:GetItem',
      'dynamodb:BatchGetItem',
      'dynamodb:Query',
      'dynamodb:Scan',
      'dynamodb:UpdateItem',
    ])
      .combine(this.grant(grantee, ['dynamodb:PutItem'], own(stuckStreams, ticks, relayState)))
      .combine(this.grant(grantee, ['dynamodb:DeleteItem'], own(stuckStreams)));
  }

  private grant(grantee: IGrantable, actions: string[], conditions?: Conditions): Grant {
    this.table.encryptionKey?.grantEncryptDecrypt(grantee);
    // Not `table.grant`, which adds every index as well.
    return Grant.addToPrincipal({
      grantee,
      actions,
      resourceArns: [this.table.tableArn],
      ...(conditions && { conditions }),
    });
  }
}
