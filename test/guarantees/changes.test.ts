import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import {
  ChannelKind,
  DedupTable,
  IdempotentApi,
  IdempotentConsumer,
  MessageChannel,
  OnFailure,
  OutboxTable,
} from '../../lib/index.js';

const entry = join(__dirname, '..', 'fixtures', 'handlers', 'noop.ts');

interface Props {
  readonly channel?: Record<string, unknown>;
  readonly consumer?: Record<string, unknown>;
  readonly api?: Record<string, unknown>;
  readonly dedup?: Record<string, unknown>;
  readonly outbox?: Record<string, unknown>;
  readonly ids?: { readonly dedup?: string; readonly channel?: string; readonly consumer?: string };
}

function appOf({ channel, consumer, api, dedup, outbox, ids = {} }: Props, names?: object): App {
  const app = new App({ context: names === undefined ? {} : { 'exactly-once-aws:names': names } });
  const stack = new Stack(app, 'Stack');
  const dedupTable = new DedupTable(stack, ids.dedup ?? 'Dedup', dedup);
  new OutboxTable(stack, 'Outbox', outbox);
  new IdempotentConsumer(stack, ids.consumer ?? 'Settlement', {
    consumerName: 'settlement',
    channel: new MessageChannel(stack, ids.channel ?? 'Payments', { kind: ChannelKind.FIFO, ...channel }),
    dedupTable,
    entry,
    ...consumer,
  });
  new IdempotentApi(stack, 'Api', {
    apiName: 'payments',
    routes: [{ path: '/payments' }],
    dedupTable,
    entry,
    ...api,
  });
  return app;
}

function stackIn(app: App): Stack {
  const stack = app.node.findChild('Stack');
  if (!Stack.isStack(stack)) throw new TypeError('there is no stack');
  return stack;
}

/** Whatever holds data, by logical id, with the properties that CloudFormation replaces it for. */
function stateOf(props: Props): Record<string, unknown> {
  const stack = stackIn(appOf(props));
  const { Resources } = Template.fromStack(stack).toJSON() as {
    Resources: Record<
      string,
      { Type: string; Properties?: Record<string, unknown>; UpdateReplacePolicy?: string }
    >;
  };
  const replacing = ['TableName', 'KeySchema', 'QueueName', 'FifoQueue', 'BucketName'];
  return Object.fromEntries(
    Object.entries(Resources)
      .filter(([, { Type }]) => /^AWS::(DynamoDB::Table|SQS::Queue|S3::Bucket)$/.test(Type))
      .map(([id, { Type, Properties = {}, UpdateReplacePolicy }]) => [
        id,
        [Type, UpdateReplacePolicy, ...replacing.map((name) => Properties[name])],
      ]),
  );
}

const minute = Duration.minutes(1);
test.each<[string, Props]>([
  ['a longer timeout of the channel', { channel: { consumerTimeout: minute } }],
  ['a longer retention', { channel: { retention: Duration.days(7) } }],
  ['a longer visibility', { channel: { visibilityTimeout: Duration.minutes(10) } }],
  ['high throughput', { channel: { highThroughput: true } }],
  ['smaller batches', { consumer: { batchSize: 1 } }],
  ['more memory', { consumer: { memorySize: 1024 } }],
  ['limited concurrency', { consumer: { maxConcurrency: 5 } }],
  ['SKIP in place of STOP', { consumer: { onFailure: OnFailure.SKIP } }],
  ['a longer window of the API', { api: { window: Duration.days(2) } }],
  ['no deletion protection', { dedup: { deletionProtection: false } }],
  ['a longer retention of the outbox', { outbox: { retention: Duration.days(30) } }],
])('%s replaces and forgets nothing', (_, change) => {
  expect(stateOf(change)).toEqual(stateOf({}));
});

test('what a replacement would take away is retained: tables and queues', () => {
  const template = Template.fromStack(stackIn(appOf({})));
  for (const type of ['AWS::DynamoDB::Table', 'AWS::SQS::Queue'])
    template.allResources(type, {
      UpdateReplacePolicy: 'Retain',
      DeletionPolicy: 'Retain',
      Properties: Match.anyValue(),
    });
});

describe('with its names written down', () => {
  /** What the refusal of an empty list says to write. */
  function written(): object {
    try {
      appOf({}, {}).synth();
    } catch (error) {
      return JSON.parse(
        /"exactly-once-aws:names": (\{.*?\})/s.exec((error as Error).message)?.[1] ?? '',
      ) as object;
    }
    throw new Error('an empty list was taken');
  }

  test('an app that is as it was is synthesized', () => {
    expect(() => appOf({}, written()).synth()).not.toThrow();
  });

  test.each<[string, Props, string]>([
    [
      'a consumer that is renamed',
      { consumer: { consumerName: 'settle' } },
      "'Stack/Settlement' is 'settle', was \"settlement\"",
    ],
    ['an API that is renamed', { api: { apiName: 'pay' } }, "'Stack/Api' is 'pay', was \"payments\""],
    ['a dedup table with another id', { ids: { dedup: 'Receipts' } }, "'Stack/Dedup' was"],
    ['a channel with another id', { ids: { channel: 'Orders' } }, "'Stack/Payments' was"],
    [
      'a channel of another kind',
      { channel: { kind: ChannelKind.STANDARD } },
      "'Stack/Payments' is 'STANDARD ",
    ],
    [
      'a consumer with another id',
      { ids: { consumer: 'Settle' } },
      "'Stack/Settle' is 'settlement', which is new",
    ],
  ])('%s fails the synth, with the line to write if it is meant', (_, change, says) => {
    const names = written();
    expect(() => appOf(change, names).synth()).toThrow(says);
    expect(() => appOf(change, names).synth()).toThrow('write into the "context" of cdk.json');
  });

  test('without the list nothing is checked, and GUARANTEES.md says so', () => {
    const reportOf = (app: App) => readFileSync(join(app.synth().directory, 'GUARANTEES.md'), 'utf8');
    expect(reportOf(appOf({ consumer: { consumerName: 'settle' } }))).toContain(
      'That nobody renames a consumer',
    );
    expect(reportOf(appOf({}, written()))).not.toContain('That nobody renames');
  });
});
