import { join } from 'node:path';
import { CfnOutput, Duration, RemovalPolicies, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import {
  ChannelKind,
  DedupTable,
  HandlerFunction,
  IdempotentConsumer,
  MessageChannel,
} from '../lib/index.js';

export interface ReferenceStackProps extends StackProps {
  /** Tables, queues and logs are deleted with the stack, and tables are not protected against deletion. */
  readonly disposable: boolean;
  /** The settlement runs without deduplication. */
  readonly unprotected: boolean;
  /** Whether Lambda polls the queue of payments. */
  readonly polling: boolean;
}

/**
 * `POST /payments` -> FIFO channel, one group per customer -> settlement: debit of the customer, the payment's row and credit of
 * the shop, in one transaction with the receipt.
 */
export class ReferenceStack extends Stack {
  constructor(scope: Construct, id: string, props: ReferenceStackProps) {
    super(scope, id, props);
    const protectedTables = !props.disposable;
    const accounts = effectTable(this, 'Accounts', 'customer', protectedTables);
    const payments = effectTable(this, 'PaymentsTable', 'paymentId', protectedTables);
    const shop = effectTable(this, 'Shop', 'shard', protectedTables);
    const dedupTable = new DedupTable(this, 'Dedup', { deletionProtection: protectedTables });

    const channel = new MessageChannel(this, 'Payments', {
      kind: ChannelKind.FIFO,
      highThroughput: true,
      // Short, so that a killed function's messages come back within half a minute.
      consumerTimeout: Duration.seconds(5),
    });
    const settlement = new IdempotentConsumer(this, 'Settlement', {
      consumerName: 'settlement',
      channel,
      dedupTable,
      entry: lambda(props.unprotected ? 'unprotected-settlement.ts' : 'settlement.ts'),
      maxConcurrency: 10,
      enabled: props.polling,
      environment: {
        ACCOUNTS_TABLE: accounts.tableName,
        PAYMENTS_TABLE: payments.tableName,
        SHOP_TABLE: shop.tableName,
      },
    });
    for (const table of [accounts, payments, shop])
      table.grants.actions(settlement.function, 'dynamodb:UpdateItem');

    const accept = new HandlerFunction(this, 'Accept', {
      entry: lambda('accept.ts'),
      timeout: Duration.seconds(5),
      environment: { PAYMENTS_QUEUE_URL: channel.queue.queueUrl },
    });
    channel.grants.sendMessages(accept.function);
    const stage = paymentsApi(this, accept.function);

    if (props.disposable) RemovalPolicies.of(this).destroy();

    const outputs = {
      ApiUrl: stage.url,
      PaymentsQueueUrl: channel.queue.queueUrl,
      PaymentsDeadLetterQueueUrl: channel.deadLetterQueue.queueUrl,
      DedupTableName: dedupTable.table.tableName,
      AccountsTableName: accounts.tableName,
      PaymentsTableName: payments.tableName,
      ShopTableName: shop.tableName,
      SettlementFunctionName: settlement.function.functionName,
      AcceptFunctionName: accept.function.functionName,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

function lambda(file: string): string {
  return join(__dirname, '..', 'lambdas', file);
}

function effectTable(scope: Construct, id: string, partitionKey: string, deletionProtection: boolean): Table {
  return new Table(scope, id, {
    partitionKey: { name: partitionKey, type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    encryption: TableEncryption.AWS_MANAGED,
    deletionProtection,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}

function paymentsApi(scope: Construct, accept: LambdaFunction): HttpStage {
  const httpApi = new HttpApi(scope, 'Api', { createDefaultStage: false });
  httpApi.addRoutes({
    path: '/payments',
    methods: [HttpMethod.POST],
    integration: new HttpLambdaIntegration('Accept', accept),
    authorizer: new HttpIamAuthorizer(),
  });
  const accessLogs = new LogGroup(scope, 'AccessLogs', { retention: RetentionDays.ONE_MONTH });
  return new HttpStage(scope, 'Stage', {
    httpApi,
    stageName: '$default',
    autoDeploy: true,
    throttle: { rateLimit: 500, burstLimit: 1000 },
    accessLogSettings: {
      destination: new LogGroupLogDestination(accessLogs),
      format: AccessLogFormat.custom(
        JSON.stringify({
          requestId: '$context.requestId',
          time: '$context.requestTimeEpoch',
          caller: '$context.identity.userArn',
          sourceIp: '$context.identity.sourceIp',
          route: '$context.routeKey',
          status: '$context.status',
          latency: '$context.responseLatency',
          error: '$context.integrationErrorMessage',
        }),
      ),
    },
  });
}
