import { join } from 'node:path';
import { App, CfnOutput, RemovalPolicies, SecretValue, Stack } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { DedupTable, WebhookReceiver } from '../../../lib/index.js';

/**
 * A receiver of every sender whose secret is in the context `secrets`, that counts what acts. In the context
 * `certificates` is the address of the host that stands in for PayPal's.
 */
const app = new App();
const stack = new Stack(app, 'WebhookReceivers', { env: { account: '000000000000', region: 'us-east-1' } });
const secrets = JSON.parse(String(app.node.getContext('secrets'))) as Record<string, string>;
const counts = new Table(stack, 'Counts', {
  partitionKey: { name: 'name', type: AttributeType.STRING },
  billingMode: BillingMode.PAY_PER_REQUEST,
});
const receiver = new WebhookReceiver(stack, 'Hooks', {
  receiverName: 'hooks',
  dedupTable: new DedupTable(stack, 'Dedup', { deletionProtection: false }),
  senders: Object.entries(secrets).map(([name, secret]) => ({
    name,
    secret: new Secret(stack, `Secret-${name}`, { secretStringValue: SecretValue.unsafePlainText(secret) }),
  })),
  entry: join(__dirname, 'receiver.ts'),
  memorySize: 512,
  environment: {
    COUNTS_TABLE: counts.tableName,
    CERTIFICATES_URL: String(app.node.getContext('certificates')),
  },
});
counts.grants.actions(receiver.function, 'dynamodb:UpdateItem');
new CfnOutput(stack, 'Url', { value: receiver.url });
new CfnOutput(stack, 'CountsTable', { value: counts.tableName });
RemovalPolicies.of(stack).destroy();
