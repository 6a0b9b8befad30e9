import { join } from 'node:path';
import { App, CfnOutput, Duration, RemovalPolicies, Stack } from 'aws-cdk-lib';
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { DedupTable, IdempotentApi, IdempotentRestApi } from '../../../lib/index.js';

/** One operation behind an HTTP API and behind a REST API, each with rows of its own. */
const app = new App();
const stack = new Stack(app, 'KeyedApis', { env: { account: '000000000000', region: 'us-east-1' } });
const dedupTable = new DedupTable(stack, 'Dedup', { deletionProtection: false });
new CfnOutput(stack, 'ReceiptsTable', { value: dedupTable.table.tableName });

const routes = [
  { path: '/payments', methods: [HttpMethod.POST, HttpMethod.GET, HttpMethod.PUT] },
  { path: '/payments/{id}', methods: [HttpMethod.DELETE, HttpMethod.POST] },
];
for (const kind of ['Http', 'Rest'] as const) {
  const accounts = new Table(stack, `${kind}Accounts`, {
    partitionKey: { name: 'account', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
  });
  const props = {
    apiName: kind,
    routes,
    dedupTable,
    entry: join(__dirname, `${kind.toLowerCase()}.ts`),
    environment: { ACCOUNTS_TABLE: accounts.tableName },
    timeout: Duration.seconds(10),
    memorySize: 512,
  };
  const api =
    kind === 'Http' ? new IdempotentApi(stack, kind, props) : new IdempotentRestApi(stack, kind, props);
  accounts.grants.actions(api.function, 'dynamodb:UpdateItem');
  new CfnOutput(stack, `${kind}Url`, { value: api.url });
  new CfnOutput(stack, `${kind}AccountsTable`, { value: accounts.tableName });
}
RemovalPolicies.of(stack).destroy();
