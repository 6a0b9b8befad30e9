import { Duration, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import {
  DedupTable,
  OutboxTable,
  WebhookReceiver,
  WebhookSender,
  type WebhookSenderProps,
} from '../../../lib/index.js';
import { GuaranteeReport } from '../../../lib/guarantees/guarantee-report.js';
import { HandlerFunction } from '../../../lib/consumer/handler-function.js';
import { constructStack, noopEntry, refusal } from '../../fixtures/construct-stack.js';

const senderIn = (stack: Stack, given: Partial<WebhookSenderProps> = {}) =>
  new WebhookSender(stack, 'Sender', {
    senderName: 'hooks',
    dedupTable: given.dedupTable ?? new DedupTable(stack, 'Dedup'),
    intakeEntry: noopEntry,
    workerEntry: noopEntry,
    ...given,
  });

test('a table with a sparse index, an intake behind a channel, and a worker that is woken and ticks', () => {
  const stack = constructStack();
  const outbox = new OutboxTable(stack, 'Outbox');
  senderIn(stack, { alerts: outbox });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::DynamoDB::Table', {
    GlobalSecondaryIndexes: [
      Match.objectLike({ IndexName: 'due', Projection: { ProjectionType: 'KEYS_ONLY' } }),
    ],
    TimeToLiveSpecification: { AttributeName: 'expiration', Enabled: true },
    DeletionProtectionEnabled: true,
  });
  template.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(1 minute)',
    Target: Match.objectLike({ Input: '{"shards":"all"}' }),
  });
  for (const timeout of [30, 120])
    template.hasResourceProperties('AWS::Lambda::Function', {
      Timeout: timeout,
      Environment: {
        Variables: Match.objectLike({
          EXACTLY_ONCE_WEBHOOK_SENDER: 'hooks',
          EXACTLY_ONCE_WEBHOOK_SHARDS: '8',
          EXACTLY_ONCE_WEBHOOK_RETENTION_SECONDS: String(30 * 86_400),
        }),
      },
    });
  template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    ScalingConfig: { MaximumConcurrency: 4 },
  });
});

test('neither function may delete anything of the table', () => {
  const stack = constructStack();
  senderIn(stack);
  const policies = JSON.stringify(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  expect(policies).not.toMatch(/dynamodb:(DeleteItem|BatchWriteItem|Scan|\*)/);
});

test('a worker may ask for its next run, by the queue that wakes it and by no other', () => {
  const stack = constructStack();
  senderIn(stack);
  const policies = Object.entries(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  const [, { Properties }] = policies.find(([id]) => id.startsWith('SenderWorker'))!;
  const { Statement } = (Properties as { PolicyDocument: { Statement: { Action: string | string[] }[] } })
    .PolicyDocument;
  const sending = Statement.filter(({ Action }) => [Action].flat().includes('sqs:SendMessage'));
  expect(sending).toHaveLength(1);
  expect(sending[0]).toMatchObject({
    Resource: { 'Fn::GetAtt': [expect.stringMatching(/^SenderWake/), 'Arn'] },
  });
});

test('an operator is told where, and may do what the registry does: no scan, no queue but the one that wakes', () => {
  const stack = constructStack();
  const sender = senderIn(stack);
  const { function: operator } = new HandlerFunction(stack, 'Operator', { entry: noopEntry });
  sender.addOperator(operator);
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: {
        EXACTLY_ONCE_WEBHOOK_SENDER: 'hooks',
        EXACTLY_ONCE_WEBHOOK_TABLE: Match.anyValue(),
        EXACTLY_ONCE_WEBHOOK_SHARDS: '8',
        EXACTLY_ONCE_WEBHOOK_RETENTION_SECONDS: String(30 * 86_400),
        EXACTLY_ONCE_WEBHOOK_WAKE_QUEUE_URL: Match.anyValue(),
      },
    },
  });
  const policies = Object.entries(template.findResources('AWS::IAM::Policy'));
  const [, { Properties }] = policies.find(([id]) => id.startsWith('Operator'))!;
  const { Statement } = (Properties as { PolicyDocument: { Statement: object[] } }).PolicyDocument;
  const actions = Statement.flatMap((one) => (one as { Action: string | string[] }).Action);
  expect(new Set(actions)).toEqual(
    new Set([
      ...[
        'GetItem',
        'BatchGetItem',
        'Query',
        'PutItem',
        'UpdateItem',
        'ConditionCheckItem',
        'DeleteItem',
      ].map((action) => `dynamodb:${action}`),
      ...['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'],
      ...['logs:CreateLogStream', 'logs:PutLogEvents'],
    ]),
  );
  const resources = Statement.flatMap((one) => JSON.stringify((one as { Resource: unknown }).Resource));
  for (const resource of resources) expect(resource).toMatch(/SenderTable|SenderWake|OperatorLogs/);
});

test('events in the order of their aggregates come by a FIFO queue', () => {
  const stack = constructStack();
  expect(senderIn(stack, { ordered: true }).channel.queue.fifo).toBe(true);
});

test.each<[string, Partial<WebhookSenderProps>, string]>([
  ['a name that is none', { senderName: 'a b' }, 'sender-name-stable'],
  [
    'events that expire before their last attempt',
    { retention: Duration.days(3) },
    'webhook-retention-covers-schedule',
  ],
  ['a worker without time', { workerTimeout: Duration.seconds(30) }, 'webhook-worker-has-time'],
  ['no shard', { shards: 0 }, 'webhook-shards'],
  ['one worker, which no mapping takes', { maxWorkers: 1 }, 'webhook-workers'],
  ['a variable of the construct', { environment: { EXACTLY_ONCE_X: '1' } }, 'environment-reserved'],
])('refuses %s', (_, given, id) => {
  const stack = constructStack();
  expect(refusal(() => senderIn(stack, given)).violations.map((one) => one.id)).toContain(id);
});

test('two of one name on one table are refused', () => {
  const stack = constructStack();
  const dedupTable = new DedupTable(stack, 'Dedup');
  senderIn(stack, { dedupTable });
  const another = () =>
    new WebhookSender(stack, 'Another', {
      senderName: 'hooks',
      dedupTable,
      intakeEntry: noopEntry,
      workerEntry: noopEntry,
    });
  expect(refusal(another).violations.map(({ id }) => id)).toContain('sender-name-unique');
});

test('sender and receiver have a row in GUARANTEES.md, and a name that is pinned', () => {
  const stack = constructStack();
  const dedupTable = new DedupTable(stack, 'Dedup');
  senderIn(stack, { dedupTable });
  new WebhookReceiver(stack, 'Receiver', {
    receiverName: 'incoming',
    dedupTable,
    senders: [{ name: 'stripe' }],
    entry: noopEntry,
  });
  const claims = GuaranteeReport.claimsOf(stack)?.constructs ?? [];
  for (const constructClass of ['WebhookSender', 'WebhookReceiver'])
    expect(
      claims.find((one) => one.constructClass === constructClass)?.claim?.brokenBy.length,
    ).toBeGreaterThan(0);
});

test('a receiver that gets another name fails the synth where names are written down', () => {
  const stack = constructStack();
  new WebhookReceiver(stack, 'Receiver', {
    receiverName: 'incoming',
    dedupTable: new DedupTable(stack, 'Dedup'),
    senders: [{ name: 'stripe' }],
    entry: noopEntry,
  });
  const { root } = stack.node;
  const getContext = root.node.tryGetContext.bind(root.node);
  root.node.tryGetContext = (key: string): unknown =>
    key === 'exactly-once-aws:names' ? { 'Stack/Receiver': 'other' } : getContext(key);
  expect(root.node.validate().join()).toContain("'Stack/Receiver' is 'incoming', was \"other\"");
});
