import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import type { WebhookSenderProps } from './webhook-sender-props.js';

/** Where endpoints, events, deliveries and attempts are, and the index of what is due. */
export function webhookTable(
  scope: Construct,
  { encryptionKey, deletionProtection = true }: WebhookSenderProps,
): Table {
  const table = new Table(scope, 'Table', {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    sortKey: { name: 'sk', type: AttributeType.STRING },
    timeToLiveAttribute: 'expiration',
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection,
    encryption: encryptionKey === undefined ? TableEncryption.AWS_MANAGED : TableEncryption.CUSTOMER_MANAGED,
    encryptionKey,
  });
  // Sparse: only what waits is in it.
  table.addGlobalSecondaryIndex({
    indexName: 'due',
    partitionKey: { name: 'dueIn', type: AttributeType.STRING },
    sortKey: { name: 'dueAt', type: AttributeType.NUMBER },
    projectionType: ProjectionType.KEYS_ONLY,
  });
  return table;
}
