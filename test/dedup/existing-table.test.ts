import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AttributeType, Billing, MultiRegionConsistency, Table, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { DedupTable } from '../../lib/index.js';
import { constructStack, refusal } from '../fixtures/construct-stack.js';

const id = { name: 'id', type: AttributeType.STRING };

const taken = (stack: Stack, table: Table | TableV2) => DedupTable.fromTable(stack, 'Receipts', table);

test('a table of the app, and one that it only refers to, get the permissions of receipts', () => {
  const stack = constructStack();
  const role = new Role(stack, 'Consumer', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  const imported = Table.fromTableName(stack, 'Imported', 'receipts');
  DedupTable.fromTable(stack, 'A', imported).grants.commitReceipts(role);
  DedupTable.fromTable(stack, 'B', new Table(stack, 'Own', { partitionKey: id })).grants.commitReceipts(role);
  const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  const actions = [
    'dynamodb:GetItem',
    'dynamodb:BatchGetItem',
    'dynamodb:ConditionCheckItem',
    'dynamodb:PutItem',
    'dynamodb:UpdateItem',
  ];
  const { Statement } = (policy?.['Properties'] as { PolicyDocument: { Statement: unknown[] } })
    .PolicyDocument;
  expect(Statement).toEqual([
    expect.objectContaining({ Action: actions }),
    expect.objectContaining({ Action: actions }),
  ]);
  Template.fromStack(stack).resourceCountIs('AWS::DynamoDB::Table', 1);
});

describe('fails when', () => {
  test.each([
    [
      'its partition key has another name',
      { partitionKey: { name: 'pk', type: AttributeType.STRING } },
      'pk (S)',
    ],
    ['its partition key is a number', { partitionKey: { name: 'id', type: AttributeType.NUMBER } }, 'id (N)'],
    [
      'it has a sort key',
      { partitionKey: id, sortKey: { name: 'at', type: AttributeType.STRING } },
      'id (S), at (S)',
    ],
  ])('%s', (_, props, key) => {
    const make = (kind: typeof Table | typeof TableV2) => {
      const stack = constructStack();
      return refusal(() => taken(stack, new kind(stack, 'Own', props))).message;
    };
    const message =
      "DedupTable 'Stack/Receipts' has invalid props:\n" +
      `  - key of 'Stack/Own' is ${key}, must be id (S): give another table, or change its key [receipts-by-id]`;
    expect(make(Table)).toBe(message);
    expect(make(TableV2)).toBe(message);
  });

  test('its Regions are strongly consistent, which rules transactions out', () => {
    const stack = constructStack({ region: 'us-east-1', account: '123456789012' });
    const table = new TableV2(stack, 'Own', {
      partitionKey: id,
      billing: Billing.onDemand(),
      multiRegionConsistency: MultiRegionConsistency.STRONG,
      replicas: [{ region: 'us-east-2' }, { region: 'us-west-2' }],
    });
    expect(refusal(() => taken(stack, table)).violations.map((one) => one.id)).toEqual([
      'transactions-in-one-region',
    ]);
  });
});

test('a table of another Region is refused: the handler is given a name, and looks in its own', () => {
  const stack = constructStack({ account: '111111111111', region: 'eu-west-1' });
  const dedup = (id: string, region: string) =>
    DedupTable.fromTable(
      stack,
      id,
      Table.fromTableArn(stack, `${id}Table`, `arn:aws:dynamodb:${region}:111111111111:table/r`),
    );
  expect(() => dedup('Here', 'eu-west-1')).not.toThrow();
  expect(refusal(() => dedup('There', 'us-east-1')).violations).toMatchObject([
    { id: 'one-region', given: '`table` is in us-east-1', allowed: 'in eu-west-1, the Region of the stack' },
  ]);
});
