import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

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
   * For the relay: read streams and look for what is unsent, mark what is sent, and keep a list of the streams that
   * are stuck, with notes of its own. It may delete entries of that list, and no event: time to live does that.
   *
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
   */
  public relay(grantee: IGrantable): Grant {
    return this.grant(grantee, [
      'dynamodb:GetItem',
      'dynamodb:Query',
      'dynamodb:Scan',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ]).combine(
      Grant.addToPrincipal({
        grantee,
        actions: ['dynamodb:DeleteItem'],
        resourceArns: [this.table.tableArn],
        conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['["stuck","??"]'] } },
      }),
    );
  }

  private grant(grantee: IGrantable, actions: string[]): Grant {
    this.table.encryptionKey?.grantEncryptDecrypt(grantee);
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [this.table.tableArn] });
  }
}
