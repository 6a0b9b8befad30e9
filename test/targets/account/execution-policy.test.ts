import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReferenceStackProps } from '../../../bin/reference-stack.js';
import { packageRoot } from '../../../targets/package-root.js';
import { cdc, permanent, template } from '../../bin/reference.js';

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

const policies = new Map(
  ['execution-policy.json', 'execution-policy-cdc.json'].map((name): [string, readonly Statement[]] => {
    const text = readFileSync(join(packageRoot, 'targets', 'account', name), 'utf8');
    return [name, (JSON.parse(text) as { readonly Statement: readonly Statement[] }).Statement];
  }),
);
const [ofStack = [], ofCapture = []] = policies.values();
const actionsOf = (statements: readonly Statement[]) => statements.flatMap(({ Action }) => Action);

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

/** What they need beyond that when changes are captured. */
const callsOfCapture: Record<string, string[]> = {
  'AWS::EC2::SecurityGroup': [
    'ec2:CreateSecurityGroup',
    'ec2:DeleteSecurityGroup',
    'ec2:DescribeSecurityGroups',
    // The rule that lets all out is replaced by that of the template.
    'ec2:AuthorizeSecurityGroupEgress',
    'ec2:RevokeSecurityGroupEgress',
    'ec2:CreateTags',
  ],
  'AWS::EC2::SecurityGroupIngress': ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupIngress'],
  'AWS::ECS::Cluster': [
    'ecs:CreateCluster',
    'ecs:DeleteCluster',
    'ecs:DescribeClusters',
    'iam:CreateServiceLinkedRole',
  ],
  'AWS::ECS::Service': [
    'ecs:CreateService',
    'ecs:DeleteService',
    'ecs:DescribeServices',
    'ecs:UpdateService',
  ],
  'AWS::ECS::TaskDefinition': ['ecs:RegisterTaskDefinition', 'ecs:DeregisterTaskDefinition', 'iam:PassRole'],
  // In a network.
  'AWS::Lambda::Function': ['ec2:DescribeSecurityGroups', 'ec2:DescribeSubnets', 'ec2:DescribeVpcs'],
  // The lake has versions.
  'AWS::S3::Bucket': ['s3:PutBucketVersioning'],
};

interface Resource {
  readonly Type: string;
  readonly Properties: { readonly AssumeRolePolicyDocument?: { readonly Statement: readonly Trust[] } };
}
interface Trust {
  readonly Principal: { readonly Service: string };
}

const resourcesOf = (props: Partial<ReferenceStackProps>) =>
  Object.values(
    template({ ...permanent, webhooks: true, ...props }).toJSON()['Resources'] as object,
  ) as Resource[];

function typesOf(resources: readonly Resource[]): string[] {
  const types = new Set(resources.map(({ Type }) => Type));
  types.delete('AWS::CDK::Metadata');
  return [...types].sort();
}

/** What the policies do not allow of what the types need, and services to which no role may be given. */
function missing(
  resources: readonly Resource[],
  statements: readonly Statement[],
  needs: Record<string, string[]>,
): string[] {
  const allowed = new Set(actionsOf(statements));
  const actions = typesOf(resources).flatMap((type) => needs[type] ?? []);
  const services = resources.flatMap(({ Properties }) =>
    (Properties.AssumeRolePolicyDocument?.Statement ?? []).map(({ Principal }) => Principal.Service),
  );
  const given = new Set(
    statements.flatMap(({ Condition }) => Condition?.['StringEquals']?.['iam:PassedToService'] ?? []),
  );
  return [...actions.filter((one) => !allowed.has(one)), ...services.filter((one) => !given.has(one))];
}

test('the policy that CloudFormation may work with covers every type of resource in the stack', () => {
  const resources = resourcesOf({});
  expect(typesOf(resources)).toEqual(Object.keys(calls).sort());
  expect(missing(resources, ofStack, calls)).toEqual([]);
});

test('with the policy beside it, it covers what captures changes, too', () => {
  const resources = resourcesOf({ cdc });
  const needs = { ...calls };
  for (const [type, more] of Object.entries(callsOfCapture)) needs[type] = [...(needs[type] ?? []), ...more];
  expect(typesOf(resources)).toEqual(Object.keys(needs).sort());
  expect(missing(resources, [...ofStack, ...ofCapture], needs)).toEqual([]);
  // And is needed: without it this cannot be deployed.
  expect(missing(resources, ofStack, needs)).toEqual(
    expect.arrayContaining(['ecs:CreateService', 'ec2:CreateSecurityGroup', 'ecs-tasks.amazonaws.com']),
  );
});

test('they allow nothing by wildcard, and no role beyond those of the stack and of ECS itself', () => {
  const wild = [...policies.values()].flatMap(actionsOf).filter((action) => action.includes('*'));
  expect(wild).toEqual([]);
  const roles = (statements: readonly Statement[]) =>
    statements
      .filter(({ Action }) => [Action].flat().some((one) => one.startsWith('iam:')))
      .flatMap(({ Resource }) => Resource);
  const ours = 'arn:aws:iam::*:role/ExactlyOnceReference-*';
  expect(roles(ofStack)).toEqual([ours, ours]);
  expect(roles(ofCapture)).toEqual([
    ours,
    'arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS',
  ]);
});

test.each([...policies])('%s is small enough for IAM', (_, statements) => {
  // White space does not count: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  const text = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  expect(text.length).toBeLessThanOrEqual(6_144);
});

test('what the policy of capture allows on everything has no ARN of its own, or only reads', () => {
  const everything = ofCapture.filter(({ Resource }) => Resource === '*');
  expect(
    actionsOf(everything)
      .filter((action) => !/:(Describe|Get|List)/.test(action))
      .sort(),
  ).toEqual(['ecs:CreateCluster', 'ecs:DeregisterTaskDefinition', 'ecs:RegisterTaskDefinition']);
});
