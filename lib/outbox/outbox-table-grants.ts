import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

/** Permissions on the events of an outbox table. */
export class OutboxTableGrants {
  /** @internal */
  constructor(private readonly table: ITable) {}

  /**
   * For handlers that call `tx.publish`: write new events. What they publish of is numbered by items of their own
   * tables, which they must be allowed to read and update (`dynamodb:GetItem`, `dynamodb:UpdateItem` or `PutItem`).
   *
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
   */
  public publish(grantee: IGrantable): Grant {
    return this.grant(grantee, ['dynamodb:PutItem']);
  }

  /** For the relay: find what is unsent, and mark what is sent. Deleting is not among them: time to live does it. */
  public relay(grantee: IGrantable): Grant {
    return this.grant(grantee, ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem']).combine(
      Grant.addToPrincipal({
        grantee,
        actions: ['dynamodb:Query'],
        resourceArns: [`${this.table.tableArn}/index/unsent`],
      }),
    );
  }

  private grant(grantee: IGrantable, actions: string[]): Grant {
    this.table.encryptionKey?.grantEncryptDecrypt(grantee);
    // Not `table.grant`, which adds every index as well.
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [this.table.tableArn] });
  }
}
