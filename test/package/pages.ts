import type { Page } from './page-app.js';

/** The guard of the sender takes only what has TLS and a public address. */
const toLoopback = [
  'settings: webhookSenderSettings(process.env)',
  "settings: webhookSenderSettings(process.env), allowHttp: true, allowedRanges: ['127.0.0.0/8']",
] as const;
const withoutTls = ['ssl: true', 'ssl: false'] as const;
const withoutIam = [
  '...processor,',
  "...processor, kafka: { 'bootstrap.servers': process.env.EXACTLY_ONCE_KAFKA_BOOTSTRAP_SERVERS },",
] as const;

/** Deployed, with what the test needs of each. */
export const deployedPages = [
  {
    page: 'README.md',
    id: 'Readme',
    file: 'payments-stack',
    stack: 'PaymentsStack',
    outputs: {
      QueueUrl: 'stack.channel.queue.queueUrl',
      AccountsTable: 'stack.accounts.tableName',
      FunctionName: 'stack.settlement.function.functionName',
    },
  },
  {
    page: 'docs/consumer.md',
    id: 'Consumer',
    file: 'settlement-stack',
    stack: 'SettlementStack',
    outputs: {
      QueueUrl: 'stack.channel.queue.queueUrl',
      AccountsTable: 'stack.accounts.tableName',
      FunctionName: 'stack.settlement.function.functionName',
    },
  },
  {
    page: 'docs/outbox.md',
    id: 'Outbox',
    file: 'events-stack',
    stack: 'EventsStack',
    outputs: {
      QueueUrl: 'stack.payments.queue.queueUrl',
      AccountsTable: 'stack.accounts.tableName',
      ViewsTable: 'stack.views.tableName',
      SettledQueueUrl: 'stack.settled.queue.queueUrl',
      FunctionName: 'stack.settlement.function.functionName',
      RelayFunctionName: 'stack.relay.function.functionName',
      ViewFunctionName: 'stack.view.function.functionName',
    },
  },
  {
    page: 'docs/api.md',
    id: 'Api',
    file: 'payments-stack',
    stack: 'PaymentsStack',
    outputs: {
      ApiUrl: 'stack.api.url',
      AccountsTable: 'stack.accounts.tableName',
      FunctionName: 'stack.api.function.functionName',
    },
  },
  {
    page: 'docs/jobs.md',
    id: 'Jobs',
    file: 'reports-stack',
    stack: 'ReportsStack',
    outputs: {
      ReportsTable: 'stack.reports.tableName',
      FunctionName: "stack.jobs.function?.functionName ?? ''",
      OrderFunctionName: 'stack.order.function.functionName',
    },
  },
  {
    page: 'docs/lease.md',
    id: 'Lease',
    file: 'charges-stack',
    stack: 'ChargesStack',
    outputs: {
      QueueUrl: 'stack.channel.queue.queueUrl',
      OrdersTable: 'stack.orders.tableName',
      FunctionName: 'stack.charges.function.functionName',
    },
  },
  {
    page: 'docs/webhook.md',
    id: 'Webhook',
    file: 'stack',
    stack: 'HooksStack',
    outputs: {
      ReceiverUrl: 'receiverOf(stack).url',
      FunctionName: 'receiverOf(stack).function.functionName',
      SecretArn: "(stack.node.findChild('GithubSecret') as Secret).secretArn",
      OutboxTable: '(stack.node.findChild("Outbox") as OutboxTable).table.tableName',
    },
    around: {
      imports: [
        "import type { Stack } from 'aws-cdk-lib';",
        "import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';",
        "import type { OutboxTable, WebhookReceiver } from 'exactly-once-aws';",
        "const receiverOf = (stack: Stack) => stack.node.findChild('Hooks') as WebhookReceiver;",
      ],
    },
  },
  {
    page: 'docs/webhook-sender.md',
    id: 'WebhookSender',
    file: 'stack',
    stack: 'SubscribersStack',
    outputs: {
      OutboxTable: 'stack.outbox.table.tableName',
      RelayFunctionName: 'stack.relay.function.functionName',
      IntakeFunctionName: 'stack.sender.intake.function.functionName',
      WorkerFunctionName: 'stack.sender.worker.functionName',
      SubscribeFunctionName: 'stack.subscribe.function.functionName',
    },
    around: {
      imports: [
        "import type { Secret as PageSecret } from 'aws-cdk-lib/aws-secretsmanager';",
        "import { addPage } from './docs-webhook-page-md/page';",
      ],
      after: [
        'const page = addPage(stack, stack.sender);',
        "new CfnOutput(stack, 'PageUrl', { value: page.url });",
        "new CfnOutput(stack, 'PageFunctionName', { value: page.function.functionName });",
        "const secret = stack.node.findChild('PageSecret') as PageSecret;",
        "new CfnOutput(stack, 'PageSecretArn', { value: secret.secretArn });",
      ],
    },
    onOneMachine: {
      'handlers/webhook-worker.ts': toLoopback,
      'handlers/subscribe.ts': toLoopback,
    },
  },
] as const satisfies readonly Page[];

const brokers = "{ clientSubnets: ['subnet-1', 'subnet-2'], instanceType: 'kafka.m5.large' }";
const docker = 'FROM public.ecr.aws/docker/library/node:24-slim\n';

/**
 * Only synthesized: no engine here has MSK, Fargate or a VPC. Their handlers and programs run beside it, as a
 * function or a container would run them.
 */
export const synthesizedPages: readonly Page[] = [
  { page: 'docs/webhook-page.md', id: 'WebhookPage' },
  { page: 'docs/kafka.md', id: 'Kafka', file: 'stack', stack: 'SettlementStack' },
  {
    page: 'docs/postgres.md',
    id: 'Postgres',
    file: 'stack',
    stack: 'LedgerStack',
    around: {
      imports: ["import { Connections, Port } from 'aws-cdk-lib/aws-ec2';"],
      before: ['const defaultPort = Port.tcp(5432);'],
      after: [
        "const vpc = new Vpc(stack, 'Vpc');",
        "const securityGroups = [new SecurityGroup(stack, 'Database', { vpc })];",
        'const database = new Connections({ securityGroups, defaultPort });',
        "stack.addSettlement(vpc, database, new Login(stack, 'Secret'));",
      ],
    },
    onOneMachine: { 'settlement.ts': withoutTls },
  },
  {
    page: 'docs/postgres-outbox.md',
    id: 'PostgresOutbox',
    file: 'stack',
    stack: 'EventsStack',
    around: {
      imports: [
        "import { Vpc, SecurityGroup } from 'aws-cdk-lib/aws-ec2';",
        "import { Secret as Login } from 'aws-cdk-lib/aws-secretsmanager';",
      ],
      after: ["stack.addRelay(new Vpc(stack, 'Vpc'), new Login(stack, 'Secret'));"],
    },
    onOneMachine: { 'relay.ts': withoutTls, 'polling.ts': withoutTls, 'cdc.ts': withoutTls },
  },
  {
    page: 'docs/kafka-processor.md',
    id: 'KafkaProcessor',
    file: 'purchases-stack',
    stack: 'PurchasesStack',
    files: { '../purchases/Dockerfile': docker },
    around: {
      imports: [
        "import { Stack as Network } from 'aws-cdk-lib';",
        "import { CfnCluster } from 'aws-cdk-lib/aws-msk';",
      ],
      before: [
        "const network = new Network(app, 'Network');",
        "const vpc = new Vpc(network, 'Vpc');",
        "const brokers = new SecurityGroup(network, 'Brokers', { vpc });",
        "const kafka = new CfnCluster(network, 'Kafka', {",
        `clusterName: 'shop', kafkaVersion: '3.7.x', numberOfBrokerNodes: 2, brokerNodeGroupInfo: ${brokers} });`,
      ],
      props: "{ vpc, kafka, brokers, bootstrapServers: 'b-1:9098' }",
    },
    onOneMachine: { 'purchases.ts': withoutIam },
  },
  {
    page: 'docs/cdc.md',
    id: 'Lake',
    file: 'lake-stack',
    stack: 'LakeStack',
    files: { 'sink/Dockerfile': docker, 'connect/Dockerfile': docker },
    around: {
      imports: [
        "import { Stack as CaptureNetwork } from 'aws-cdk-lib';",
        "import { Vpc as CaptureVpc } from 'aws-cdk-lib/aws-ec2';",
        "import { Cluster as CaptureCluster } from 'aws-cdk-lib/aws-ecs';",
        "import { CfnCluster as CaptureBrokers } from 'aws-cdk-lib/aws-msk';",
        "import { Secret as DatabaseLogin } from 'aws-cdk-lib/aws-secretsmanager';",
      ],
      before: [
        "const network = new CaptureNetwork(app, 'CaptureNetwork');",
        "const cluster = new CaptureCluster(network, 'Cluster', { vpc: new CaptureVpc(network, 'Vpc') });",
        "const kafkaCluster = new CaptureBrokers(network, 'Kafka', {",
        `clusterName: 'shop', kafkaVersion: '3.7.x', numberOfBrokerNodes: 2, brokerNodeGroupInfo: ${brokers} });`,
        "const databaseSecret = new DatabaseLogin(network, 'Login');",
      ],
      props: "{ cluster, kafkaCluster, bootstrapServers: 'b-1:9098', databaseHost: 'db', databaseSecret }",
    },
  },
];
