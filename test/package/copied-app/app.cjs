/**
 * A CDK app that somebody else could have: it takes one construct at a time and brings a queue, a table or a function
 * of its own, or refers to ones that exist. Stack `Theirs` is what exists; it knows nothing of the package.
 */
const { join } = require('node:path');
const { App, Aws, CfnOutput, Duration, Fn, RemovalPolicy, Stack } = require('aws-cdk-lib');
const { AttributeType, BillingMode, Table } = require('aws-cdk-lib/aws-dynamodb');
const { Role } = require('aws-cdk-lib/aws-iam');
const { Function: LambdaFunction, Runtime } = require('aws-cdk-lib/aws-lambda');
const { NodejsFunction, OutputFormat } = require('aws-cdk-lib/aws-lambda-nodejs');
const { Queue } = require('aws-cdk-lib/aws-sqs');
const { ChannelKind, DedupTable, IdempotentConsumer, MessageChannel } = require('exactly-once-aws');

const entry = join(__dirname, 'handler.mjs');
const visibilityTimeout = Duration.seconds(60);
const retention = Duration.days(4);
const deadLetterRetention = Duration.days(14);

function queues(scope, names = []) {
  const deadLetterQueue = new Queue(scope, 'Dead', {
    queueName: names[1],
    retentionPeriod: deadLetterRetention,
  });
  const queue = new Queue(scope, 'Queue', {
    queueName: names[0],
    visibilityTimeout,
    retentionPeriod: retention,
    deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: 1000 },
  });
  return { queue, deadLetterQueue };
}

function table(scope, id, partitionKey, tableName) {
  return new Table(scope, id, {
    tableName,
    partitionKey: { name: partitionKey, type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

function lambda(scope, environment, functionName) {
  return new NodejsFunction(scope, 'Function', {
    functionName,
    entry,
    runtime: Runtime.NODEJS_24_X,
    timeout: Duration.seconds(10),
    environment,
    bundling: { format: OutputFormat.ESM, mainFields: ['module', 'main'], bundleAwsSDK: true },
  });
}

const app = new App();

const theirs = new Stack(app, 'Theirs');
const theirQueues = queues(theirs, ['their-orders', 'their-dead-orders']);
table(theirs, 'Receipts', 'id', 'their-receipts');
const theirEffects = table(theirs, 'Effects', 'variant', 'their-effects');
const theirFunction = lambda(
  theirs,
  {
    EFFECTS_TABLE: theirEffects.tableName,
    // What GUARANTEES.md of the other stack asks for.
    EXACTLY_ONCE_CONSUMER_NAME: 'all-theirs',
    EXACTLY_ONCE_DEDUP_TABLE: 'their-receipts',
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: String(86 * 86_400),
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: theirQueues.deadLetterQueue.queueUrl,
  },
  'their-function',
);
new CfnOutput(theirs, 'RoleName', { value: theirFunction.role.roleName, exportName: 'their-role' });

const copied = new Stack(app, 'Copied');
copied.addDependency(theirs);
const effects = table(copied, 'Effects', 'variant');
const environment = { EFFECTS_TABLE: effects.tableName };

function consume(name, props) {
  const consumer = new IdempotentConsumer(copied, name, { enabled: false, ...props });
  new CfnOutput(copied, `${name}QueueUrl`, { value: props.channel.queue.queueUrl });
  new CfnOutput(copied, `${name}FunctionName`, { value: consumer.function.functionName });
  return consumer;
}

const stated = { kind: ChannelKind.STANDARD, visibilityTimeout, retention, deadLetterRetention };

const ownQueue = consume('OwnQueue', {
  consumerName: 'own-queue',
  channel: MessageChannel.fromQueues(copied, 'Orders', { ...stated, ...queues(copied) }),
  dedupTable: new DedupTable(copied, 'Dedup'),
  entry,
  environment,
});
const ownTable = consume('OwnTable', {
  consumerName: 'own-table',
  channel: new MessageChannel(copied, 'Payments', { kind: ChannelKind.FIFO }),
  dedupTable: DedupTable.fromTable(copied, 'Receipts', table(copied, 'ReceiptTable', 'id')),
  entry,
  environment,
});
const ownFunction = consume('OwnFunction', {
  consumerName: 'own-function',
  channel: new MessageChannel(copied, 'Mail', { kind: ChannelKind.STANDARD }),
  dedupTable: new DedupTable(copied, 'MailDedup'),
  handler: lambda(copied, environment),
});
for (const consumer of [ownQueue, ownTable, ownFunction])
  effects.grant(consumer.function, 'dynamodb:UpdateItem');

const arn = (service, name) => `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${name}`;
consume('AllTheirs', {
  consumerName: 'all-theirs',
  channel: MessageChannel.fromQueues(copied, 'TheirOrders', {
    ...stated,
    queue: Queue.fromQueueArn(copied, 'TheirQueue', arn('sqs', 'their-orders')),
    deadLetterQueue: Queue.fromQueueArn(copied, 'TheirDead', arn('sqs', 'their-dead-orders')),
  }),
  dedupTable: DedupTable.fromTable(
    copied,
    'TheirReceipts',
    Table.fromTableName(copied, 'TheirTable', 'their-receipts'),
  ),
  handler: LambdaFunction.fromFunctionAttributes(copied, 'TheirFunction', {
    functionArn: arn('lambda', 'function:their-function'),
    role: Role.fromRoleName(copied, 'TheirRole', Fn.importValue('their-role')),
    sameEnvironment: true,
  }),
});
new CfnOutput(copied, 'EffectsTableName', { value: effects.tableName });
