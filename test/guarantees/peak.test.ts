import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  type ChannelWorkload,
  type IdempotentConsumerProps,
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

/** What both files say of a channel with its consumer. */
function reported(
  channel: Partial<MessageChannelProps>,
  consumer: Partial<IdempotentConsumerProps> = {},
): { stack: Stack; needs: (path: string) => Need[]; markdown: string } {
  const app = new App({
    outdir,
    builtinCloudFormationValidation: false,
    context: { 'aws:cdk:bundling-stacks': [] },
  });
  const stack = new Stack(app, 'Stack', { env: { region: 'us-east-1' } });
  new IdempotentConsumer(stack, 'Settlement', {
    consumerName: 'settlement',
    dedupTable: new DedupTable(stack, 'Dedup'),
    channel: new MessageChannel(stack, 'Payments', { kind: ChannelKind.FIFO, ...channel }),
    entry: noopEntry,
    ...consumer,
  });
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
