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
   * With the consumer's name, only its own rows: their keys begin with it. So a function that is taken over can
   * neither read nor write what another consumer of the table has kept.
   *
   * @param consumerName of the consumer, job queue or API; all rows of the table where it is left out
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
   */
  public commitReceipts(grantee: IGrantable, consumerName?: string): Grant {
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
      conditions: consumerName === undefined ? undefined : rowsOf(consumerName),
    });
  }

  /**
   * What a `dynamoSink` needs whose `watermarks` are here: read where it stands, and move it on condition. Only its
   * own rows.
   *
   * @param sinkName the sink's `name`
   */
  public moveSink(grantee: IGrantable, sinkName: string): Grant {
    this.table.encryptionKey?.grantEncryptDecrypt(grantee);
    return Grant.addToPrincipal({
      grantee,
      actions: ['dynamodb:GetItem', 'dynamodb:PutItem'],
      resourceArns: [this.table.tableArn],
      conditions: keysLike(`sink/${sinkName}/*`),
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

/** Receipts have a `#` behind the name, and all other rows a `!`; a name holds neither. */
function rowsOf(consumerName: string): Record<string, Record<string, unknown>> {
  return keysLike(`${consumerName}#*`, `${consumerName}!*`);
}

function keysLike(...patterns: string[]): Record<string, Record<string, unknown>> {
  const keys = 'dynamodb:LeadingKeys';
  return {
    'ForAllValues:StringLike': { [keys]: patterns },
    // "For all" of none is true.
    Null: { [keys]: 'false' },
  };
}
