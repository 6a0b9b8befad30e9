import type { Template } from 'aws-cdk-lib/assertions';
import { Match } from 'aws-cdk-lib/assertions';
import {
  commitsReceipts,
  dueIndexOf,
  permanent,
  permissions,
  secretOf,
  template,
  whoMay,
  type FunctionProperties,
} from './reference.js';

describe('with a mail provider', () => {
  const mailing = template({ ...permanent, mailProviderUrl: 'https://mails.example/v1' });

  test('the relay sends settled payments to the mails, too, and the function may send a mail and note it', () => {
    expect(permissions(mailing, 'Relay')).toMatchObject({
      ReceiptMails: expect.arrayContaining(['sqs:SendMessage']),
    });
    expect(permissions(mailing, 'Mailing')).toEqual({
      MailingHandlerLogs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Dedup: expect.not.arrayContaining(['dynamodb:DeleteItem']),
      ReceiptMails: expect.arrayContaining(['sqs:ReceiveMessage', 'sqs:DeleteMessage']),
      ReceiptMailsDeadLetters: ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'],
      Mails: ['dynamodb:UpdateItem'],
    });
    mailing.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ MAIL_PROVIDER_URL: 'https://mails.example/v1' }) },
    });
  });

  test('nothing else changes', () => {
    const without = template();
    const outputs = (of: Template) => Object.keys(of.findOutputs('*'));
    expect(outputs(mailing).filter((name) => !outputs(without).includes(name))).toEqual([
      'MailsTableName',
      'ReceiptMailsQueueUrl',
      'ReceiptMailsDeadLetterQueueUrl',
      'ReceiptMailsFunctionName',
    ]);
    const { Resources: before } = without.toJSON() as { Resources: Record<string, unknown> };
    const { Resources: after } = mailing.toJSON() as { Resources: Record<string, unknown> };
    const changed = Object.keys(before).filter(
      (id) => JSON.stringify(before[id]) !== JSON.stringify(after[id]),
    );
    // Its targets, and the permission to send there.
    for (const id of changed) expect(id).toMatch(/^RelayHandler/);
  });
});

describe('with webhooks', () => {
  const hooked = template({ ...permanent, webhooks: true });

  test('the provider may deliver without signing in to AWS; its secret is read by the receiver alone', () => {
    hooked.hasResourceProperties('AWS::ApiGatewayV2::Route', {
      RouteKey: 'POST /webhooks/{source}',
      AuthorizationType: 'NONE',
    });
    expect(permissions(hooked, 'ProviderEvents')).toEqual({
      ProviderEventsHandlerLogs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Dedup: commitsReceipts,
      Outbox: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
      [secretOf(hooked)]: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
    });
    expect(whoMay(hooked, 'secretsmanager:GetSecretValue')).toEqual(['ProviderEventsHandler']);
  });

  test('a refund may look a payment up, and not change it', () => {
    expect(permissions(hooked, 'Refunding')).toMatchObject({
      PaymentsTable: ['dynamodb:ConditionCheckItem', 'dynamodb:GetItem'],
      Accounts: ['dynamodb:UpdateItem'],
      Shop: ['dynamodb:UpdateItem'],
      RefundsTable: ['dynamodb:UpdateItem'],
      Outbox: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
    });
  });

  test('what sends to subscribers sees no payment, account or refund, and the intake sends nothing', () => {
    const change = ['ConditionCheckItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem', 'BatchGetItem'];
    const onTable = change.map((action) => `dynamodb:${action}`).sort();
    expect(permissions(hooked, 'SubscribersWorker')).toEqual({
      SubscribersWorkerLogs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      SubscribersTable: onTable,
      [dueIndexOf(hooked)]: onTable,
      Dedup: expect.not.arrayContaining(['dynamodb:DeleteItem']),
      Outbox: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
      SubscribersWake: [
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:GetQueueUrl',
        'sqs:ReceiveMessage',
      ],
    });
    expect(Object.keys(permissions(hooked, 'SubscribersIntake')).sort()).toEqual([
      'Dedup',
      'SubscribersEvents',
      'SubscribersEventsDeadLetters',
      'SubscribersIntakeHandlerLogs',
      'SubscribersTable',
      'SubscribersWake',
    ]);
  });

  test('endpoints have TLS and public addresses, unless a network of their own is named', () => {
    const variables = (of: Template) =>
      Object.values(of.findResources('AWS::Lambda::Function')).flatMap(({ Properties }) =>
        Object.entries((Properties as FunctionProperties).Environment?.Variables ?? {}),
      );
    const networks = (of: Template) =>
      variables(of).flatMap(([name, value]) => (name === 'SUBSCRIBER_NETWORK' ? [value] : []));
    expect(networks(hooked)).toEqual([]);
    const inside = template({ ...permanent, webhooks: true, subscriberNetwork: '10.0.0.0/8' });
    expect(new Set(networks(inside))).toEqual(new Set(['10.0.0.0/8']));
  });

  test('nothing polls where somebody else does', () => {
    template({ ...permanent, webhooks: true, polling: false }).allResourcesProperties(
      'AWS::Lambda::EventSourceMapping',
      { Enabled: false },
    );
  });
});
