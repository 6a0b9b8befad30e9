import { join } from 'node:path';
import { App, Duration, Lazy, Stack } from 'aws-cdk-lib';
import { Table, AttributeType } from 'aws-cdk-lib/aws-dynamodb';
import { Function as LambdaFunction, InlineCode, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  HandlerFunction,
  IdempotentApi,
  IdempotentConsumer,
  JobQueue,
  MessageChannel,
  OnFailure,
  OutboxRelay,
  OutboxTable,
  RelayTarget,
} from '../../lib/index.js';

/** Props as JavaScript may pass them: no compiler has looked at them. */
type Loose = Record<string, unknown>;

const entry = join(__dirname, '..', 'fixtures', 'handlers', 'noop.ts');
const standard = ChannelKind.STANDARD;

interface World {
  readonly stack: Stack;
  readonly dedupTable: DedupTable;
  readonly channel: MessageChannel;
}

const channel = (stack: Stack, props: Loose) => new MessageChannel(stack, 'Wrong', props);
const consumer = ({ stack, dedupTable, channel }: World, props: Loose) =>
  new IdempotentConsumer(stack, 'Wrong', {
    consumerName: 'settlement',
    channel,
    dedupTable,
    entry,
    ...props,
  });
const api = ({ stack, dedupTable }: World, props: Loose) =>
  new IdempotentApi(stack, 'Wrong', {
    apiName: 'payments',
    routes: [{ path: '/payments' }],
    dedupTable,
    entry,
    ...props,
  });
const relay = ({ stack, channel }: World, props: Loose) =>
  new OutboxRelay(stack, 'Wrong', {
    outbox: new OutboxTable(stack, 'Outbox'),
    targets: [RelayTarget.channel(channel)],
    entry,
    ...props,
  });
const jobs = ({ stack, dedupTable }: World, props: Loose) =>
  new JobQueue(stack, 'Wrong', { consumerName: 'reports', dedupTable, entry, ...props });
const handler = (stack: Stack, props: Loose) => new HandlerFunction(stack, 'Wrong', { entry, ...props });
const table = (stack: Stack) =>
  new Table(stack, 'Plain', { partitionKey: { name: 'id', type: AttributeType.STRING } });
const own = (stack: Stack, props: Loose = {}) =>
  new LambdaFunction(stack, 'Own', {
    code: new InlineCode('exports.handler = () => {}'),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    timeout: Duration.seconds(10),
    ...props,
  });

/** What is wrong, how it is made, and what the message says: the value, what is allowed, what to change. */
const wrong: readonly [what: string, make: (world: World) => unknown, ...says: string[]][] = [
  [
    'channel without a kind',
    ({ stack }) => channel(stack, {}),
    'neither `kind` nor a decision in cdk.json',
    'give `kind`',
  ],
  [
    'channel of an unknown kind',
    ({ stack }) => channel(stack, { kind: 'fifo' }),
    "`kind` is 'fifo'",
    'ChannelKind.FIFO',
  ],
  [
    'retention beyond what SQS keeps',
    ({ stack }) => channel(stack, { kind: standard, retention: Duration.days(15) }),
    '15 days',
    'retention',
  ],
  [
    'dead letters that do not outlive the queue',
    ({ stack }) =>
      channel(stack, { kind: standard, retention: Duration.days(4), deadLetterRetention: Duration.days(4) }),
    '4 days',
    'deadLetterRetention',
  ],
  [
    'visibility below the function',
    ({ stack }) =>
      channel(stack, {
        kind: standard,
        consumerTimeout: Duration.hours(3),
      }),
    'consumerTimeout',
  ],
  [
    'high throughput of a Standard queue',
    ({ stack }) => channel(stack, { kind: standard, highThroughput: true }),
    'highThroughput is true',
    'left out on a Standard channel',
  ],
  [
    'consumer without a name',
    (w) => consumer(w, { consumerName: undefined }),
    'consumerName is undefined',
    '1 to 64',
  ],
  ['consumer name with a blank', (w) => consumer(w, { consumerName: 'a b' }), "'a b'", '1 to 64'],
  [
    'consumer name that is a token',
    (w) => consumer(w, { consumerName: Lazy.string({ produce: () => 'x' }) }),
    'is a token',
    'a plain string',
  ],
  ['no function', (w) => consumer(w, { entry: undefined }), 'neither `entry` nor `handler`', 'give `entry`'],
  [
    'two functions',
    (w) => consumer(w, { handler: own(w.stack) }),
    '`entry` and `handler` are both given',
    'remove `handler` or `entry`',
  ],
  ['entry that is not there', (w) => consumer(w, { entry: 'handler.ts' }), "'handler.ts'", 'absolute path'],
  [
    'entry without a handler export',
    (w) => consumer(w, { entry: join(__dirname, '..', 'docs', 'markdown.ts') }),
    'the file exports',
    'export const handler',
  ],
  [
    'plain table as dedup table',
    (w) => consumer(w, { dedupTable: table(w.stack) }),
    '`dedupTable` is a Table',
    'DedupTable.fromTable',
  ],
  [
    'plain queue as channel',
    (w) => consumer(w, { channel: new Queue(w.stack, 'PlainQueue') }),
    '`channel` is a Queue',
    'MessageChannel.fromQueues',
  ],
  ['no channel', (w) => consumer(w, { channel: undefined }), '`channel` is undefined', 'MessageChannel'],
  ['no dedup table', (w) => consumer(w, { dedupTable: undefined }), 'dedupTable'],
  ['batch of more than SQS gives', (w) => consumer(w, { batchSize: 20 }), 'batchSize', '20', '10'],
  [
    'timeout beyond the channel',
    (w) => consumer(w, { timeout: Duration.minutes(10) }),
    'at least 1 hour',
    'lower `timeout`',
  ],
  [
    'concurrency below what a mapping takes',
    (w) => consumer(w, { maxConcurrency: 1 }),
    'maxConcurrency',
    '2',
  ],
  [
    'function with reserved concurrency',
    (w) =>
      consumer(w, {
        entry: undefined,
        handler: own(w.stack, { reservedConcurrentExecutions: 5 }),
      }),
    'reservedConcurrentExecutions',
    'maxConcurrency',
  ],
  [
    'receipts shorter than the horizon',
    (w) => consumer(w, { receiptRetention: Duration.days(1) }),
    'receiptRetention',
    '1 day',
  ],
  [
    "environment of the construct's",
    (w) => consumer(w, { environment: { EXACTLY_ONCE_CONSUMER_NAME: 'x' } }),
    'EXACTLY_ONCE_CONSUMER_NAME',
  ],
  ['failures that nobody can count', (w) => consumer(w, { maxFailures: 0 }), 'maxFailures', '0'],
  ['stop on a Standard queue', (w) => consumer(w, { onFailure: OnFailure.STOP }), 'onFailure', 'FIFO'],
  [
    'effect table of a transaction',
    (w) => consumer(w, { commitWay: CommitWay.TRANSACTION, effectTable: table(w.stack) }),
    'effectTable',
  ],
  ['API without a name', (w) => api(w, { apiName: undefined }), 'apiName is undefined', '1 to 64'],
  ['API without routes', (w) => api(w, { routes: [] }), '`routes` is empty', 'one or more'],
  ['API timeout beyond the gateway', (w) => api(w, { timeout: Duration.minutes(1) }), 'timeout', '29 s'],
  ['window shorter than clients try', (w) => api(w, { window: Duration.hours(1) }), 'window', '1 hour'],
  ['throttle of nothing', (w) => api(w, { rateLimit: 0 }), 'rateLimit', '0'],
  [
    'plain table as dedup table of an API',
    (w) => api(w, { dedupTable: table(w.stack) }),
    '`dedupTable` is a Table',
    'DedupTable.fromTable',
  ],
  ['relay without targets', (w) => relay(w, { targets: [] }), 'targets'],
  ['relay to a plain queue', (w) => relay(w, { targets: [w.channel.queue] }), 'RelayTarget.channel'],
  [
    'relay of a plain table',
    (w) => relay(w, { outbox: table(w.stack) }),
    '`outbox` is a Table',
    'OutboxTable',
  ],
  ['relay batches beyond the stream', (w) => relay(w, { batchSize: 5000 }), 'batchSize is 5000', '1 to 1000'],
  ['sweeps of half a minute', (w) => relay(w, { sweepInterval: Duration.seconds(30) }), 'sweepInterval'],
  [
    'relay to a FIFO topic',
    ({ stack }) => RelayTarget.topic(new Topic(stack, 'News', { fifo: true, topicName: 'news.fifo' })),
    'the topic is FIFO',
    'a standard one',
  ],
  [
    'outbox that keeps nothing',
    ({ stack }) => new OutboxTable(stack, 'Wrong', { retention: Duration.minutes(1) }),
    '60 seconds',
  ],
  ['job beyond a function', (w) => jobs(w, { timeout: Duration.hours(1) }), '1 hour', '15 min'],
  [
    'jobs without a name',
    (w) => jobs(w, { consumerName: undefined }),
    'consumerName is undefined',
    '1 to 64',
  ],
  ['jobs in no place', (w) => jobs(w, { entry: undefined }), 'entry', 'cluster'],
  [
    'plain table as dedup table of jobs',
    (w) => jobs(w, { dedupTable: table(w.stack) }),
    '`dedupTable` is a Table',
  ],
  [
    'another runtime than Node.js',
    ({ stack }) => handler(stack, { runtime: Runtime.PYTHON_3_13 }),
    'python3.13',
    'Node.js',
  ],
];

test.each(wrong)(
  '%s: a typed error with the value, what is allowed and what to change',
  (_, make, ...says) => {
    const stack = new Stack(new App(), 'Stack');
    const world: World = {
      stack,
      dedupTable: new DedupTable(stack, 'Dedup'),
      channel: new MessageChannel(stack, 'Channel', {
        kind: standard,
        consumerTimeout: Duration.seconds(10),
      }),
    };
    let thrown: unknown;
    try {
      make(world);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: 'InvalidProps' });
    const { message, violations } = thrown as {
      message: string;
      violations: { given: string; allowed: string; change: string }[];
    };
    for (const text of says) expect(message).toContain(text);
    for (const { given, allowed, change } of violations) expect([given, allowed, change]).not.toContain('');
  },
);

test('the table has the 28 and more', () => {
  expect(wrong.length).toBeGreaterThanOrEqual(28);
});
