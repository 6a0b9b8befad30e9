import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';

/** A table of effects: on demand, backed up, and kept when the stack goes unless the stack is disposable. */
export function effectTable(
  scope: Construct,
  id: string,
  partitionKey: string,
  deletionProtection: boolean,
  type = AttributeType.STRING,
): Table {
  return new Table(scope, id, {
    partitionKey: { name: partitionKey, type },
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    encryption: TableEncryption.AWS_MANAGED,
    deletionProtection,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}
