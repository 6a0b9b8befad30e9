import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdkJson from '../../cdk.json';
import type { CdcContext } from '../../bin/cdc-context.js';
import { ReferenceStack, type ReferenceStackProps } from '../../bin/reference-stack.js';

export const permanent: ReferenceStackProps = {
  disposable: false,
  unprotected: false,
  sideBySide: false,
  polling: true,
};

/** What change data capture stands on. */
export const cdc: CdcContext = {
  vpcId: 'vpc-0a1b2c3d',
  subnetIds: ['subnet-0a1b2c3d', 'subnet-0c2d3e4f'],
  kafkaClusterArn: 'arn:aws:kafka:us-east-1:111122223333:cluster/shop/1a2b-3',
  bootstrapServers: 'b-1:9098,b-2:9098',
  databaseHost: 'db.example',
  databaseName: 'shop',
  databaseSecretArn: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:shop/debezium-abcdef',
  systemIdentifier: '7412345678901234567',
};

/** The stack as it is deployed: with the flags of cdk.json. */
export function referenceIn(app: App, props: ReferenceStackProps = permanent): ReferenceStack {
  return new ReferenceStack(app, 'ExactlyOnceReference', props);
}

export function appWith(
  context: Record<string, unknown> = { 'aws:cdk:bundling-stacks': [] },
  outdir?: string,
): App {
  return new App({ outdir, context: { ...cdkJson.context, ...context } });
}

export const template = (props?: ReferenceStackProps) => Template.fromStack(referenceIn(appWith(), props));

interface Policy {
  readonly Properties: {
    readonly Roles: readonly { readonly Ref: string }[];
    readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  };
}
interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** What the role whose logical id begins with `role` may do, as `id of the resource -> actions`. */
export function permissions(of: Template, role: string): Record<string, readonly string[]> {
  const policies = Object.values(of.findResources('AWS::IAM::Policy')) as unknown as Policy[];
  const statements = policies
    .filter(({ Properties }) => Properties.Roles.some(({ Ref }) => Ref.startsWith(role)))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  const found: Record<string, string[]> = {};
  for (const { Action, Resource } of statements)
    for (const resource of [Resource].flat()) {
      const text = JSON.stringify(resource);
      const id = /^\{"Fn::GetAtt":\["(\w+)[0-9A-F]{8}","Arn"\]\}$/.exec(text)?.[1] ?? text;
      found[id] = [...(found[id] ?? []), ...[Action].flat()].sort();
    }
  return found;
}

export interface FunctionProperties {
  readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> };
}

/** Roles, by the beginnings of their ids, that may do something. */
export function whoMay(of: Template, action: string): string[] {
  const policies = Object.values(of.findResources('AWS::IAM::Policy')) as unknown as Policy[];
  return policies
    .filter(({ Properties }) =>
      Properties.PolicyDocument.Statement.some(({ Action }) => [Action].flat().includes(action)),
    )
    .flatMap(({ Properties }) => Properties.Roles.map(({ Ref }) => Ref.replace(/(Service)?Role\w+$/, '')));
}

/** On the dedup table, of who commits receipts. */
export const commitsReceipts = [
  'dynamodb:BatchGetItem',
  'dynamodb:ConditionCheckItem',
  'dynamodb:GetItem',
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
];
/** A resource as `permissions` names one that is not meant by its ARN alone. */
export const secretOf = (of: Template) =>
  JSON.stringify({ Ref: Object.keys(of.findResources('AWS::SecretsManager::Secret'))[0] });
export const dueIndexOf = (of: Template) => {
  const table = Object.keys(of.findResources('AWS::DynamoDB::Table')).find((id) =>
    id.startsWith('SubscribersTable'),
  );
  return JSON.stringify({ 'Fn::Join': ['', [{ 'Fn::GetAtt': [table, 'Arn'] }, '/index/due']] });
};
