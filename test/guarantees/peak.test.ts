import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Size, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  IdempotentConsumer,
  KafkaConsumer,
  MessageChannel,
  SpilloverChannel,
  SpilloverConsumer,
  type ChannelWorkload,
  type IdempotentConsumerProps,
  type KafkaConsumerProps,
  type MessageChannelProps,
} from '../../lib/index.js';
import { noopEntry } from '../fixtures/construct-stack.js';

interface Need {
  readonly what: string;
  readonly needed: number;
  readonly how: string;
  readonly has: string;
  readonly enough?: boolean;
}

let outdir: string;
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'peak-'));
});
afterEach(() => {
  rmSync(outdir, { recursive: true });
});

const workload: ChannelWorkload = {
  ordered: true,
  peakMessagesPerSecond: 2_500,
  busiestGroupMessagesPerSecond: 20,
  consumerTimePerMessage: Duration.millis(30),
};

interface Reported {
  readonly stack: Stack;
  readonly needs: (path: string) => Need[];
  readonly markdown: string;
}

/** What both files say of a stack. */
function reportedOf(build: (stack: Stack) => unknown): Reported {
  const app = new App({
    outdir,
    builtinCloudFormationValidation: false,
    context: { 'aws:cdk:bundling-stacks': [] },
  });
  const stack = new Stack(app, 'Stack', { env: { region: 'us-east-1' } });
  build(stack);
  app.synth();
  const { constructs } = JSON.parse(readFileSync(join(outdir, 'guarantees.json'), 'utf8')) as {
    constructs: { path: string; peak: Need[] }[];
  };
  return {
    stack,
    needs: (path) => constructs.find((one) => one.path === path)?.peak ?? [],
    markdown: readFileSync(join(outdir, 'GUARANTEES.md'), 'utf8'),
  };
}

/** Of a channel with its consumer. */
function reported(
  channel: Partial<MessageChannelProps>,
  consumer: Partial<IdempotentConsumerProps> = {},
): Reported {
  return reportedOf(
    (stack) =>
      new IdempotentConsumer(stack, 'Settlement', {
        consumerName: 'settlement',
        dedupTable: new DedupTable(stack, 'Dedup'),
        channel: new MessageChannel(stack, 'Payments', { kind: ChannelKind.FIFO, ...channel }),
        entry: noopEntry,
        ...consumer,
      }),
  );
}

test('invocations, groups and partitions that the declared peak needs are lines with their arithmetic', () => {
  const { needs, markdown, stack } = reported({ workload, highThroughput: true });
  expect(needs('Stack/Payments')).toEqual([
    {
      what: 'partitions of the queue',
      // 2,500 / 1 / 300, rounded up.
      needed: 9,
      how: '2,500 messages/s / 1 in a call / 300 calls/s of an action of a partition',
      has: 'up to 233 (70,000 calls/s of an action in us-east-1), which SQS makes as the load grows',
      enough: true,
    },
  ]);
  expect(needs('Stack/Settlement')).toEqual([
    {
      what: 'invocations at a time',
      // 2,500 x 0.03
      needed: 75,
      how: '2,500 messages/s x 30 ms',
      has: 'up to 1,250 invocations at a time',
      enough: true,
    },
    {
      what: 'groups with messages',
      needed: 75,
      how: '2,500 messages/s x 30 ms, one batch of a group at a time',
      has: 'at least 125 (2,500 messages/s / 20 of the busiest)',
      enough: true,
    },
    {
      what: 'partitions of the table of receipts',
      // 2,500 x 2 / 1,000
      needed: 5,
      how: '2,500 messages/s x 2 write units / 1,000 of a partition',
      has: '4 in a new table on demand, more as its traffic grows',
    },
  ]);
  const [, section = ''] = markdown.split('## At the declared peak');
  const rows = section.split('\n## ')[0]?.match(/^\| Stack\/.*$/gm);
  expect(rows).toHaveLength(4);
  expect(rows?.[0]).toBe(
    '| Stack/Payments | 9 partitions of the queue | 2,500 messages/s / 1 in a call / 300 calls/s of an action of a partition | up to 233 (70,000 calls/s of an action in us-east-1), which SQS makes as the load grows | yes |',
  );
  expect(rows?.[3]).toMatch(/\| not known \|$/);
  Annotations.fromStack(stack).hasNoWarning('*', Match.stringLikeRegexp('declared peak'));
});

test('a limit below what the peak needs is a warning with both numbers, and a no in the report', () => {
  const { needs, markdown, stack } = reported(
    { kind: ChannelKind.STANDARD, workload: { ...workload, ordered: false } },
    { maxConcurrency: 74, commitWay: CommitWay.NATURAL, dedupTable: undefined },
  );
  expect(needs('Stack/Settlement')).toEqual([
    {
      what: 'invocations at a time',
      needed: 75,
      how: '2,500 messages/s x 30 ms',
      has: '`maxConcurrency` 74',
      enough: false,
    },
  ]);
  expect(markdown).toContain('| Stack/Settlement | 75 invocations at a time | 2,500 messages/s x 30 ms |');
  Annotations.fromStack(stack).hasWarning(
    '/Stack/Settlement',
    Match.stringLikeRegexp('75 invocations at a time are needed .*there is `maxConcurrency` 74'),
  );
});

test('groups that nobody has told of are not known, and without a workload nothing is said', () => {
  const without = { ...workload, busiestGroupMessagesPerSecond: undefined };
  const [, groups] = reported({ workload: without }).needs('Stack/Settlement');
  expect(groups).toMatchObject({ has: 'not known: `busiestGroupMessagesPerSecond` is not given' });
  expect(groups).not.toHaveProperty('enough');
  const { markdown, needs } = reported({});
  expect(needs('Stack/Settlement')).toEqual([]);
  expect(markdown).not.toContain('declared peak');
});

describe('a channel that spills', () => {
  const pair = (maxConcurrency?: number) =>
    reportedOf(
      (stack) =>
        new SpilloverConsumer(stack, 'Settlement', {
          consumerName: 'settlement',
          dedupTable: new DedupTable(stack, 'Dedup'),
          channel: new SpilloverChannel(stack, 'Payments', { workload: { ...workload, ordered: false } }),
          entry: noopEntry,
          maxConcurrency,
        }),
    );

  test('either side of its pair of consumers has to hold the whole peak; what FIFO does not hold is no fault', () => {
    const { needs } = pair();
    expect(needs('Stack/Payments')).toMatchObject([
      {
        what: 'partitions of the queue',
        needed: 9,
        has: expect.stringMatching(/which SQS makes as the load grows; the rest is spilled$/) as string,
        enough: true,
      },
    ]);
    expect(needs('Stack/Settlement').map(({ what, needed }) => [what, needed])).toEqual([
      ['invocations at a time', 75],
      ['groups with messages', 75],
      ['partitions of the table of receipts', 5],
    ]);
    // Once, not once a side: both have one table.
    expect([...needs('Stack/Settlement/Fifo'), ...needs('Stack/Settlement/Standard')]).toEqual([]);
  });

  test('a limit that one side does not hold the peak with is a warning', () => {
    const { stack, needs } = pair(74);
    expect(needs('Stack/Settlement')[0]).toMatchObject({ has: '`maxConcurrency` 74', enough: false });
    Annotations.fromStack(stack).hasWarning(
      '/Stack/Settlement',
      Match.stringLikeRegexp('75 invocations at a time are needed'),
    );
  });
});

describe('a consumer of a topic', () => {
  const kafka = (props: Partial<KafkaConsumerProps>) =>
    reportedOf(
      (stack) =>
        new KafkaConsumer(stack, 'Views', {
          consumerName: 'views',
          dedupTable: new DedupTable(stack, 'Dedup'),
          entry: noopEntry,
          topic: 'purchases',
          topicRetention: Duration.days(7),
          clusterArn: 'arn:aws:kafka:us-east-1:111122223333:cluster/orders/1a2b-3',
          ...props,
        }),
    );
  const peak = { peakRecordsPerSecond: 20_000, consumerTimePerRecord: Duration.millis(2) };

  test('partitions, pollers and partitions of the receipts that its peak needs, each with its arithmetic', () => {
    const { needs, stack } = kafka({ workload: { ...peak, partitions: 48 } });
    expect(needs('Stack/Views')).toEqual([
      {
        what: 'partitions of the topic',
        // 20,000 x 0.002
        needed: 40,
        how: '20,000 records/s x 2 ms, one batch of a partition at a time',
        has: '`partitions` 48',
        enough: true,
      },
      {
        what: 'pollers',
        // 20.48 MB/s / 5 is less than 40 / 5.
        needed: 8,
        how: 'the larger of 20,000 records/s x 1,024 bytes / 5 MB/s and 40 invocations / 5 of a poller',
        has: '`maximumPollers` 200',
        enough: true,
      },
      {
        what: 'partitions of the table of receipts',
        needed: 40,
        how: '20,000 records/s x 2 write units / 1,000 of a partition',
        has: '4 in a new table on demand, more as its traffic grows',
      },
    ]);
    Annotations.fromStack(stack).hasNoWarning('*', Match.stringLikeRegexp('declared peak'));
  });

  test('too few partitions, and too few pollers for the bytes, are warnings; partitions nobody told of are not known', () => {
    const large = { ...peak, recordSize: Size.kibibytes(10) };
    const { stack, needs } = kafka({ workload: { ...large, partitions: 39 }, maximumPollers: 40 });
    expect(needs('Stack/Views').map(({ needed, enough }) => [needed, enough])).toEqual([
      [40, false],
      // 204.8 MB/s / 5
      [41, false],
      [40, undefined],
    ]);
    for (const missing of ['40 partitions of the topic', '41 pollers'])
      Annotations.fromStack(stack).hasWarning(
        '/Stack/Views',
        Match.stringLikeRegexp(`${missing} are needed`),
      );
    const [partitions, next] = kafka({ workload: peak, onDemand: true }).needs('Stack/Views');
    expect(partitions).toMatchObject({ has: 'not known: `partitions` is not given' });
    expect(partitions).not.toHaveProperty('enough');
    expect(next?.what).toBe('partitions of the table of receipts');
  });
});
