import { RemovalPolicies } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { DedupTable } from '../../lib/index.js';
import { receiptId } from '../../runtime/dedup/identity.js';
import { leaseId } from '../../runtime/dedup/lease-store.js';
import { gateId, groupId, holeId, parkingId } from '../../runtime/dynamodb/group-row.js';
import { historyId } from '../../runtime/dynamodb/history-row.js';
import { jobRowId } from '../../runtime/jobs/dynamo-job-row.js';
import { constructStack } from '../fixtures/construct-stack.js';

const lambda = new ServicePrincipal('lambda.amazonaws.com');

test('the table keeps receipts by id, forgets them by expiration, and is hard to lose', () => {
  const stack = constructStack();
  new DedupTable(stack, 'Dedup');
  Template.fromStack(stack).hasResource('AWS::DynamoDB::Table', {
    Properties: {
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: ['id', 'attention', 'since'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'attention',
          KeySchema: [
            { AttributeName: 'attention', KeyType: 'HASH' },
            { AttributeName: 'since', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
      TimeToLiveSpecification: { AttributeName: 'expiration', Enabled: true },
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
      DeletionProtectionEnabled: true,
      ProvisionedThroughput: Match.absent(),
    },
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
  });
});

test('deletion protection and retention can be lifted for a stack that is thrown away', () => {
  const stack = constructStack();
  new DedupTable(stack, 'Dedup', { deletionProtection: false });
  RemovalPolicies.of(stack).destroy();
  Template.fromStack(stack).hasResource('AWS::DynamoDB::Table', {
    Properties: { DeletionProtectionEnabled: false },
    DeletionPolicy: 'Delete',
    UpdateReplacePolicy: 'Delete',
  });
});

test('a consumer may read and write receipts and nothing else: not delete, not list', () => {
  const stack = constructStack();
  const { table, grants } = new DedupTable(stack, 'Dedup');
  grants.commitReceipts(new Role(stack, 'Consumer', { assumedBy: lambda }));
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        {
          Action: [
            'dynamodb:GetItem',
            'dynamodb:BatchGetItem',
            'dynamodb:ConditionCheckItem',
            'dynamodb:PutItem',
            'dynamodb:UpdateItem',
          ],
          Effect: 'Allow',
          Resource: stack.resolve(table.tableArn) as unknown,
        },
      ],
    },
  });
});

test('with its name, a consumer may read and write its own rows, and none of another one', () => {
  const stack = constructStack();
  new DedupTable(stack, 'Dedup').grants.commitReceipts(
    new Role(stack, 'Consumer', { assumedBy: lambda }),
    'mailer',
  );
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        Match.objectLike({
          Condition: {
            'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['mailer#*', 'mailer!*'] },
            Null: { 'dynamodb:LeadingKeys': 'false' },
          },
        }),
      ],
    },
  });
  // What the runtime calls its rows.
  const rows = [
    receiptId('mailer', 'k'),
    leaseId('mailer', 'mail', 'k'),
    jobRowId('mailer', 'k'),
    groupId('mailer', 'g'),
    parkingId('mailer', 'g', 1),
    gateId('mailer'),
    holeId('mailer', 'g', 1),
    historyId('mailer', 'm'),
  ];
  expect(rows.filter((id) => !/^mailer[#!]/.test(id))).toEqual([]);
});

test('grantCommitReceipts is the same permission', () => {
  const policyAfter = (grant: (dedup: DedupTable, role: Role) => unknown) => {
    const stack = constructStack();
    grant(new DedupTable(stack, 'Dedup'), new Role(stack, 'Consumer', { assumedBy: lambda }));
    return Template.fromStack(stack).findResources('AWS::IAM::Policy');
  };
  const direct = policyAfter((dedup, role) => dedup.grants.commitReceipts(role));
  expect(policyAfter((dedup, role) => dedup.grantCommitReceipts(role))).toEqual(direct);
  expect(Object.keys(direct)).toHaveLength(1);
});

test('with a key of its own, the table uses it and the permission on receipts includes it', () => {
  const stack = constructStack();
  const encryptionKey = new Key(stack, 'Key');
  const dedup = new DedupTable(stack, 'Dedup', { encryptionKey });
  dedup.grants.commitReceipts(new Role(stack, 'Consumer', { assumedBy: lambda }));
  const keyArn = stack.resolve(encryptionKey.keyArn) as unknown;
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::DynamoDB::Table', {
    SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: keyArn },
  });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'],
          Resource: keyArn,
        }),
      ]),
    },
  });
});

test.each([
  ['TransactionConflict', (dedup: DedupTable) => dedup.metricTransactionConflicts()],
  ['ConditionalCheckFailedRequests', (dedup: DedupTable) => dedup.metricConditionalCheckFailedRequests()],
  ['ConsumedWriteCapacityUnits', (dedup: DedupTable) => dedup.metricConsumedWriteCapacityUnits()],
  ['ConsumedReadCapacityUnits', (dedup: DedupTable) => dedup.metricConsumedReadCapacityUnits()],
])('the metric %s is the sum for this table', (metricName, metricOf) => {
  const dedup = new DedupTable(constructStack(), 'Dedup');
  expect(metricOf(dedup)).toMatchObject({
    namespace: 'AWS/DynamoDB',
    metricName,
    statistic: 'Sum',
    dimensions: { TableName: dedup.table.tableName },
  });
});
