import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { nameText } from '../guarantees/name-text.js';
import { CommitWay, writeUnits } from './commit-way.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';

/**
 * What a consumer needs whose receipts are rows of the handler: insert one, and look for it. Deleting is not among
 * them: it would let the message act twice.
 */
export function grantReceiptRows(table: ITable, grantee: IGrantable): Grant {
  table.encryptionKey?.grantEncryptDecrypt(grantee);
  return Grant.addToPrincipal({
    grantee,
    actions: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:ConditionCheckItem', 'dynamodb:PutItem'],
    // Not `table.grant`, which adds every index as well.
    resourceArns: [table.tableArn],
  });
}

/** What a reader of GUARANTEES.md should know about where the receipts are. */
export function receiptNotes({ receiptTable }: IdempotentConsumerProps): string[] {
  if (receiptTable === undefined) return [];
  const name = nameText(receiptTable, receiptTable.tableName);
  return [
    `The row that the handler inserts into ${name} is the receipt of its message (\`receipt\` of \`sqsConsumer\`): ` +
      `${writeUnits[CommitWay.TRANSACTION].receipt} write units less a message than with a receipt of its own.`,
  ];
}
