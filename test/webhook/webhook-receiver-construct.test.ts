import { Duration, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { DedupTable, WebhookReceiver, type WebhookReceiverProps } from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

const receiverIn = (stack: Stack, given: Partial<WebhookReceiverProps> = {}) =>
  new WebhookReceiver(stack, 'Hooks', {
    receiverName: 'hooks',
    dedupTable:
      given.dedupTable ?? (given.receiptsInPostgres === true ? undefined : new DedupTable(stack, 'Dedup')),
    senders: [{ name: 'stripe', secret: new Secret(stack, 'StripeSecret') }, { name: 'public' }],
    entry: noopEntry,
    ...given,
  });

test('a sender is given an address of its own; the function reads its secret and commits its own receipts', () => {
  const stack = constructStack();
  receiverIn(stack);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::ApiGatewayV2::Route', {
    RouteKey: 'POST /webhooks/{source}',
    AuthorizationType: 'NONE',
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: Match.objectLike({
        EXACTLY_ONCE_WEBHOOK_RECEIVER: 'hooks',
        EXACTLY_ONCE_WINDOW_SECONDS: String(45 * 24 * 3600),
        EXACTLY_ONCE_WEBHOOK_SECRETS: Match.anyValue(),
      }),
    },
  });
  const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
    ({ Properties }) =>
      (Properties as { PolicyDocument: { Statement: { Action: string[] }[] } }).PolicyDocument.Statement,
  );
  expect(statements).toContainEqual(
    expect.objectContaining({
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      Resource: { Ref: expect.stringContaining('StripeSecret') as string },
    }),
  );
  expect(statements).toContainEqual(
    expect.objectContaining({
      Condition: expect.objectContaining({
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['hooks#*', 'hooks!*'] },
      }) as object,
    }),
  );
  template.resourceCountIs('AWS::CloudWatch::Alarm', 2);
});

test.each<[string, Partial<WebhookReceiverProps>, string]>([
  ['a name that is none', { receiverName: 'a b' }, 'receiver-name-stable'],
  ['no sender', { senders: [] }, 'senders-given'],
  ['a sender whose name is no part of an address', { senders: [{ name: 'a/b' }] }, 'sender-name'],
  ['two senders of one name', { senders: [{ name: 'a' }, { name: 'a' }] }, 'sender-name'],
  ['a window that no sender fits into', { window: Duration.hours(1) }, 'webhook-window-covers-senders'],
  ['a window beyond all bounds', { window: Duration.days(400) }, 'webhook-window-is-bounded'],
  ['an answer after API Gateway has gone', { timeout: Duration.seconds(30) }, 'answer-before-the-gateway'],
  ['a variable of ours', { environment: { EXACTLY_ONCE_X: '1' } }, 'environment-reserved'],
])('%s is refused at synth', (_, given, id) => {
  const stack = constructStack();
  expect(refusal(() => receiverIn(stack, given)).violations.map((violation) => violation.id)).toContain(id);
});

test('the name of a consumer or API of the same table is refused', () => {
  const stack = constructStack();
  const dedupTable = new DedupTable(stack, 'Shared');
  receiverIn(stack, { dedupTable });
  const again = () =>
    new WebhookReceiver(stack, 'Again', {
      receiverName: 'hooks',
      dedupTable,
      senders: [{ name: 'x' }],
      entry: noopEntry,
    });
  expect(refusal(again).violations.map(({ id }) => id)).toEqual(['receiver-name-unique']);
});

test('with its receipts in Postgres it has no table, and receipts are in one place', () => {
  const stack = constructStack();
  receiverIn(stack, { receiptsInPostgres: true });
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::DynamoDB::Table', 0);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: Match.objectLike({
        EXACTLY_ONCE_WEBHOOK_RECEIVER: 'hooks',
        EXACTLY_ONCE_DEDUP_TABLE: Match.absent(),
      }),
    },
  });
  expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).not.toContain('dynamodb:');
  const both = constructStack();
  expect(
    refusal(() => receiverIn(both, { receiptsInPostgres: true, dedupTable: new DedupTable(both, 'Dedup') }))
      .message,
  ).toContain('one-store');
});
