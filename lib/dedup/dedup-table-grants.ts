import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';

/** Permissions on the receipts of a dedup table. */
export class DedupTableGrants {
  /** @internal */
  constructor(private readonly table: ITable) {}

  /**
   * What a consumer needs: read receipts, and write them conditionally, alone or in a transaction. TransactWriteItems
   * has no permission of its own, each action in it needs that of the item operation. Deleting is not among them: a
   * consumer that deletes a receipt lets its message act twice.
   *
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
   */
  public commitReceipts(grantee: IGrantable): Grant {
    this.table.encryptionKey?.grantEncryptDecrypt(grantee);
    return Grant.addToPrincipal({
      grantee,
      actions: [
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:ConditionCheckItem',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
      ],
      // Not `table.grant`, which adds every index as well.
      resourceArns: [this.table.tableArn],
    });
  }

  /**
   * For whoever decides about stopped groups, such as the command line tool: list them, and write down the decision.
   */
  public decideGroups(grantee: IGrantable): Grant {
    this.table.encryptionKey?.grantEncryptDecrypt(grantee);
    return Grant.addToPrincipal({
      grantee,
      actions: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem'],
      resourceArns: [this.table.tableArn, `${this.table.tableArn}/index/attention`],
    });
  }
}
