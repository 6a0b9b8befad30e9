import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import type { ReferenceStack } from '../../bin/reference-stack.js';
import { appWith, cdc, commitsReceipts, permanent, permissions, referenceIn, template } from './reference.js';

describe('the stack', () => {
  const reference = template();

  test('takes payments over HTTP from callers who sign, throttled and logged', () => {
    reference.hasResourceProperties('AWS::ApiGatewayV2::Route', {
      RouteKey: 'POST /payments',
      AuthorizationType: 'AWS_IAM',
    });
    reference.resourceCountIs('AWS::ApiGatewayV2::Route', 1);
    reference.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 },
      AccessLogSettings: { DestinationArn: Match.anyValue(), Format: Match.stringLikeRegexp('requestId') },
    });
  });

  test('gives a killed function back its messages after half a minute', () => {
    reference.hasResourceProperties('AWS::SQS::Queue', { VisibilityTimeout: 30, FifoQueue: true });
    reference.hasResourceProperties('AWS::SQS::Queue', { VisibilityTimeout: 30, FifoQueue: Match.absent() });
    reference.allResourcesProperties('AWS::Lambda::Function', { Timeout: 5 });
  });

  test('lets the settlement commit receipts and change rows, and nothing more', () => {
    expect(permissions(reference, 'Settlement')).toEqual({
      SettlementHandlerLogs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Dedup: commitsReceipts,
      Payments: [
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:GetQueueUrl',
        'sqs:ReceiveMessage',
      ],
      PaymentsDeadLetters: ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'],
      Accounts: ['dynamodb:UpdateItem'],
      Outbox: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
      PaymentsTable: [
        'dynamodb:BatchGetItem',
        'dynamodb:ConditionCheckItem',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
      ],
      Shop: ['dynamodb:UpdateItem'],
    });
  });

  test('lets the counting commit receipts and count, and nothing more', () => {
    expect(permissions(reference, 'Counting')).toMatchObject({
      Dedup: expect.not.arrayContaining(['dynamodb:DeleteItem']),
      Activity: expect.arrayContaining(['sqs:ReceiveMessage', 'sqs:DeleteMessage']),
      ActivityDeadLetters: ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'],
      ActivityTable: ['dynamodb:UpdateItem'],
    });
  });

  test('warns of old activity in time, and keeps its dead letters for ten days more than that', () => {
    const [id] = Object.keys(
      reference.findResources('AWS::SQS::Queue', {
        Properties: { FifoQueue: Match.absent(), MessageRetentionPeriod: 4 * 86_400 },
      }),
    );
    reference.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'ApproximateAgeOfOldestMessage',
      Threshold: 2 * 86_400,
      Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [id, 'QueueName'] } }],
    });
    reference.hasResourceProperties('AWS::SQS::Queue', {
      FifoQueue: Match.absent(),
      MessageRetentionPeriod: 14 * 86_400,
    });
  });

  test('lets the API commit payments with their events, and send nothing', () => {
    expect(permissions(reference, 'Api')).toEqual({
      ApiHandlerLogs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Accepted: ['dynamodb:PutItem'],
      Outbox: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
      Dedup: expect.arrayContaining(['dynamodb:PutItem']),
    });
  });

  test('lets the relay alone send events to the queues', () => {
    expect(permissions(reference, 'Relay')).toMatchObject({
      Payments: expect.arrayContaining(['sqs:SendMessage']),
      Statements: expect.arrayContaining(['sqs:SendMessage']),
      Notifications: expect.arrayContaining(['sqs:SendMessage']),
      Outbox: [
        'dynamodb:BatchGetItem',
        'dynamodb:DeleteItem',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:Query',
        'dynamodb:Scan',
        'dynamodb:UpdateItem',
      ],
    });
  });

  test('lets the two readers of settled payments write their views', () => {
    for (const reader of ['StatementsReader', 'NotificationsReader'])
      expect(permissions(reference, reader)).toMatchObject({
        Views: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      });
  });

  test('keeps its tables and queues when it is deleted', () => {
    const kept = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
    reference.allResources('AWS::SQS::Queue', kept);
    reference.allResources('AWS::DynamoDB::Table', kept);
    reference.allResourcesProperties('AWS::DynamoDB::Table', {
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      BillingMode: 'PAY_PER_REQUEST',
    });
    reference.resourceCountIs('AWS::DynamoDB::Table', 8);
  });

  test('tells where everything is', () => {
    expect(Object.keys(reference.findOutputs('*')).sort()).toEqual([
      'AcceptFunctionName',
      'AcceptedTableName',
      'AccountsTableName',
      'ActivityDeadLetterQueueUrl',
      'ActivityFunctionName',
      'ActivityQueueUrl',
      'ActivityTableName',
      'ApiUrl',
      'DedupTableName',
      'NotificationsDeadLetterQueueUrl',
      'NotificationsFunctionName',
      'NotificationsQueueUrl',
      'OutboxTableName',
      'PaymentsDeadLetterQueueUrl',
      'PaymentsQueueUrl',
      'PaymentsTableName',
      'RelayFunctionName',
      'SettlementFunctionName',
      'ShopTableName',
      'StatementsDeadLetterQueueUrl',
      'StatementsFunctionName',
      'StatementsQueueUrl',
      'ViewsTableName',
    ]);
  });
});

test('a disposable stack leaves nothing behind', () => {
  const resources = Object.values(
    template({ ...permanent, disposable: true, webhooks: true }).toJSON()['Resources'] as object,
  ) as {
    DeletionPolicy?: string;
    UpdateReplacePolicy?: string;
    Properties: { DeletionProtectionEnabled?: boolean };
  }[];
  expect(resources.filter(({ DeletionPolicy = 'Delete' }) => DeletionPolicy !== 'Delete')).toEqual([]);
  expect(resources.filter(({ UpdateReplacePolicy = 'Delete' }) => UpdateReplacePolicy !== 'Delete')).toEqual(
    [],
  );
  expect(resources.filter(({ Properties }) => Properties.DeletionProtectionEnabled === true)).toEqual([]);
});

test('somebody else may poll the queue', () => {
  template({ ...permanent, polling: false }).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    Enabled: false,
  });
});

test.each([
  { unprotected: false, settlement: 'tx.publish(events', counting: 'tx.update(activity' },
  { unprotected: true, settlement: 'ADD settlements :one', counting: 'ADD events :one' },
])('unprotected $unprotected runs the handlers of it', ({ unprotected, settlement, counting }) => {
  const app = appWith({});
  const stack = referenceIn(app, { ...permanent, unprotected });
  const { directory } = app.synth();
  const functions = Object.entries(
    Template.fromStack(stack).findResources('AWS::Lambda::Function') as Record<
      string,
      { Properties: { Code: { S3Key: string } } }
    >,
  );
  for (const [name, code] of [
    ['Settlement', settlement],
    ['Counting', counting],
  ] as const) {
    const [, found] = functions.find(([id]) => id.startsWith(name)) ?? [];
    const asset = `asset.${found?.Properties.Code.S3Key.replace('.zip', '') ?? ''}`;
    const bundle = readFileSync(join(directory, asset, 'index.mjs'), 'utf8');
    expect(bundle).toContain(code);
    expect(bundle.includes('logUnprotected(')).toBe(unprotected);
  }
});

describe('in the cloud assembly', () => {
  let outdir: string;
  beforeEach(() => {
    outdir = mkdtempSync(join(tmpdir(), 'reference-'));
  });
  afterEach(() => {
    rmSync(outdir, { recursive: true });
  });

  /** Findings of cdk-nag's packs that nobody has given a reason for, as `rule path`. */
  function findings(change: (stack: ReferenceStack) => unknown = () => undefined): string[] {
    const app = appWith(undefined, outdir);
    const more = {
      mailProviderUrl: 'https://mails.example',
      postgresUrl: 'postgres://ledger@db.example/payments',
      cdc,
    };
    change(referenceIn(app, { ...permanent, ...more }));
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
    const printed = jest.spyOn(console, 'error').mockReturnValue();
    try {
      app.synth();
    } catch {
      // Errors among the findings fail the synth; all findings are in the report.
    } finally {
      printed.mockRestore();
    }
    const report = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as {
      pluginReports: {
        violations: { ruleName: string; violatingConstructs: { constructPath: string }[] }[];
      }[];
    };
    return report.pluginReports
      .flatMap(({ violations }) => violations)
      .flatMap(({ ruleName, violatingConstructs }) =>
        violatingConstructs.map(({ constructPath }) => `${ruleName} ${constructPath}`),
      );
  }

  test('nothing is left that the AwsSolutions and Serverless rules of cdk-nag object to', () => {
    expect(findings()).toEqual([]);
  });

  test('the rules are applied: a bare queue beside the stack is objected to', () => {
    const withBareQueue = findings((stack) => new Queue(stack, 'Bare'));
    expect(withBareQueue).toContain('AwsSolutions-SQS3 ExactlyOnceReference/Bare/Resource');
  });

  test('GUARANTEES.md lists what holds', () => {
    const app = appWith(undefined, outdir);
    referenceIn(app);
    expect(existsSync(join(outdir, 'GUARANTEES.md'))).toBe(false);
    app.synth();
    const report = readFileSync(join(outdir, 'GUARANTEES.md'), 'utf8');
    for (const line of [
      "| visibility-covers-the-function | visibility timeout of 'ExactlyOnceReference/Payments' is 30 seconds | at least 30 seconds",
      '| receipts-outlive-the-horizon | receiptRetention is 86 days | at least 86 days',
      '| dead-letters-outlive-the-queue | deadLetterRetention is 14 days | at least 4 days',
      '| batch-fits-one-transaction | batchSize is 10 |',
      '| concurrency-limited-at-the-mapping | maxConcurrency is 10 |',
      "| consumer-name-unique | consumerName is 'settlement' |",
      "| consumer-name-unique | consumerName is 'activity' |",
      '| dead-letters-outlive-the-queue | deadLetterRetention is 14 days | at least 11 days (retention + timeToRepair) |',
      '| DynamoDB writes | 8 write units (8 for 4 items of 2) x $0.625 | $5.00 | $5.00 |',
      "| consumer-name-unique | consumerName is 'statements' |",
      "| consumer-name-unique | consumerName is 'notifications' |",
      '| one-relay-per-outbox | 1 relay |',
      '| DynamoDB writes | 2.6 write units (2 for the receipt, 0.6 for 0.3 items of 2) x $0.625 | $1.63 | $1.63 |',
    ])
      expect(report).toContain(line);
    // No consumer behind the outbox keeps receipts: payments are their own, and views hold positions.
    expect(report).not.toContain('receipts-outlive-the-outbox');
    // What nobody may do to rows that are a proof cannot be seen in a template.
    const unproven = [...report.matchAll(/### Unproven\n\n.*\n.*\n((?:\|.*\n)+)/g)].map(
      ([, rows = '']) => rows,
    );
    // The views, and the payments.
    expect(unproven).toEqual(Array(3).fill(expect.stringMatching(/^\| proof-rows-are-kept \|.*\n$/)));
  });
});
