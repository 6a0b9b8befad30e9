import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ReferenceStack } from '../../../bin/reference-stack.js';
import { packageRoot } from '../../../targets/package-root.js';

const policy = JSON.parse(
  readFileSync(join(packageRoot, 'targets', 'account', 'execution-policy.json'), 'utf8'),
) as { Statement: { Action: string | string[]; Resource: string | string[] }[] };

/** What CloudFormation calls to make and to remove a resource, of the types that the stack has. */
const calls: Record<string, string[]> = {
  'AWS::ApiGatewayV2::Api': ['apigateway:POST', 'apigateway:DELETE'],
  'AWS::ApiGatewayV2::Integration': ['apigateway:POST', 'apigateway:DELETE'],
  'AWS::ApiGatewayV2::Route': ['apigateway:POST', 'apigateway:DELETE'],
  'AWS::ApiGatewayV2::Stage': ['apigateway:POST', 'logs:CreateLogDelivery'],
  'AWS::CloudWatch::Alarm': ['cloudwatch:PutMetricAlarm', 'cloudwatch:DeleteAlarms'],
  'AWS::DynamoDB::Table': [
    'dynamodb:CreateTable',
    'dynamodb:DeleteTable',
    'dynamodb:UpdateContinuousBackups',
    'dynamodb:UpdateTimeToLive',
  ],
  'AWS::IAM::Policy': ['iam:PutRolePolicy', 'iam:DeleteRolePolicy'],
  'AWS::IAM::Role': ['iam:CreateRole', 'iam:DeleteRole', 'iam:PassRole'],
  'AWS::Lambda::EventInvokeConfig': [
    'lambda:PutFunctionEventInvokeConfig',
    'lambda:DeleteFunctionEventInvokeConfig',
  ],
  'AWS::Lambda::EventSourceMapping': ['lambda:CreateEventSourceMapping', 'lambda:DeleteEventSourceMapping'],
  'AWS::Lambda::Function': ['lambda:CreateFunction', 'lambda:DeleteFunction', 's3:GetObject'],
  'AWS::Lambda::Permission': ['lambda:AddPermission', 'lambda:RemovePermission'],
  'AWS::Logs::LogGroup': ['logs:CreateLogGroup', 'logs:DeleteLogGroup', 'logs:PutRetentionPolicy'],
  'AWS::Logs::MetricFilter': ['logs:PutMetricFilter', 'logs:DeleteMetricFilter'],
  'AWS::S3::Bucket': [
    's3:CreateBucket',
    's3:DeleteBucket',
    's3:PutBucketPublicAccessBlock',
    's3:PutEncryptionConfiguration',
    's3:PutLifecycleConfiguration',
  ],
  'AWS::S3::BucketPolicy': ['s3:PutBucketPolicy', 's3:DeleteBucketPolicy'],
  'AWS::SQS::Queue': ['sqs:CreateQueue', 'sqs:DeleteQueue', 'sqs:SetQueueAttributes'],
  'AWS::SQS::QueuePolicy': ['sqs:SetQueueAttributes'],
  'AWS::SecretsManager::Secret': [
    'secretsmanager:CreateSecret',
    'secretsmanager:DeleteSecret',
    'secretsmanager:GetRandomPassword',
  ],
  'AWS::Scheduler::Schedule': ['scheduler:CreateSchedule', 'scheduler:DeleteSchedule', 'iam:PassRole'],
};

test('the policy that CloudFormation may work with covers every type of resource in the stack', () => {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const stack = new ReferenceStack(app, 'ExactlyOnceReference', {
    disposable: false,
    unprotected: false,
    sideBySide: false,
    polling: true,
    webhooks: true,
  });
  const resources = Template.fromStack(stack).toJSON()['Resources'] as Record<string, { Type: string }>;
  const types = new Set(Object.values(resources).map(({ Type }) => Type));
  types.delete('AWS::CDK::Metadata');
  expect([...types].sort()).toEqual(Object.keys(calls).sort());
  const allowed = new Set(policy.Statement.flatMap(({ Action }) => Action));
  const missing = [...types].flatMap((type) => calls[type] ?? []).filter((action) => !allowed.has(action));
  expect(missing).toEqual([]);
});

test('it allows nothing by wildcard, and no role beyond those of the stack', () => {
  const actions = policy.Statement.flatMap(({ Action }) => Action);
  expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  const iam = policy.Statement.filter(({ Action }) => [Action].flat().some((one) => one.startsWith('iam:')));
  expect(iam.flatMap(({ Resource }) => Resource)).toEqual([
    'arn:aws:iam::*:role/ExactlyOnceReference-*',
    'arn:aws:iam::*:role/ExactlyOnceReference-*',
  ]);
});
