import { App, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import {
  ChannelKind,
  MessageChannel,
  type ChannelWorkload,
  type MessageChannelProps,
} from '../../lib/index.js';
import { refusal } from '../fixtures/construct-stack.js';

const steady: ChannelWorkload = {
  ordered: true,
  peakMessagesPerSecond: 40,
  busiestGroupMessagesPerSecond: 4,
  consumerTimePerMessage: Duration.millis(50),
};
const flood: ChannelWorkload = { ...steady, peakMessagesPerSecond: 9_000 };

function built(props: MessageChannelProps, pin?: unknown) {
  const context = pin === undefined ? {} : { 'exactly-once-aws:channels': { 'Stack/Channel': pin } };
  const app = new App({ builtinCloudFormationValidation: false, context });
  const stack = new Stack(app, 'Stack', { env: { region: 'eu-central-1', account: '111111111111' } });
  new MessageChannel(stack, 'Channel', props);
  return stack;
}

test('without a decision the synth fails, recommends, and says what to write down', () => {
  expect(refusal(() => built({ workload: flood })).message).toMatch(
    /high-throughput FIFO is recommended; not FIFO: 9,000 needed, of 300 calls\/s.*write `kind: ChannelKind\.FIFO, highThroughput: true` into the props, or "exactly-once-aws:channels": {"Stack\/Channel":"HIGH_THROUGHPUT_FIFO"} into the context of cdk\.json.*\[transport-is-decided\]/s,
  );
  expect(refusal(() => built({})).violations.map(({ id }) => id)).toEqual(['transport-is-decided']);
});

test('a decision in cdk.json makes the queue, whatever becomes of the workload', () => {
  const templates = [steady, flood, { ...flood, peakMessagesPerSecond: 900_000 }].map((workload) =>
    Template.fromStack(built({ workload }, 'FIFO')).toJSON(),
  ) as { Resources: object }[];
  expect(templates[1]?.Resources).toEqual(templates[0]?.Resources);
  expect(templates[2]?.Resources).toEqual(templates[0]?.Resources);
  Template.fromStack(built({ workload: flood }, 'HIGH_THROUGHPUT_FIFO')).hasResourceProperties(
    'AWS::SQS::Queue',
    {
      FifoThroughputLimit: 'perMessageGroupId',
    },
  );
});

test('a kind that no longer holds the workload stays, with a warning that has both numbers', () => {
  Annotations.fromStack(built({ workload: flood }, 'FIFO')).hasWarning(
    '/Stack/Channel',
    Match.stringLikeRegexp(
      '^FIFO does not hold the workload and stays as it is: 9,000 needed, of 300 calls/s.*high-throughput FIFO does',
    ),
  );
  Annotations.fromStack(built({ kind: ChannelKind.STANDARD, workload: steady })).hasNoWarning(
    '/Stack/Channel',
    Match.anyValue(),
  );
});

test.each([
  [ChannelKind.STANDARD, 'FIFO'],
  [ChannelKind.FIFO, 'STANDARD'],
])(
  'kind %s where %s is written down fails the synth: it would replace a queue that holds messages',
  (kind, pin) => {
    expect(refusal(() => built({ kind }, pin)).message).toMatch(
      /kind is (FIFO|STANDARD), must be (FIFO|STANDARD), which cdk\.json has written down for 'Stack\/Channel'.*\[transport-is-pinned\]/,
    );
  },
);

test('high throughput is no other queue: it may change beside what is written down', () => {
  Template.fromStack(built({ kind: ChannelKind.FIFO, highThroughput: true }, 'FIFO')).hasResourceProperties(
    'AWS::SQS::Queue',
    { FifoThroughputLimit: 'perMessageGroupId' },
  );
});

test('what is written down must be a kind, and a workload must be one', () => {
  expect(refusal(() => built({ kind: ChannelKind.FIFO }, 'fifo')).message).toContain(
    'has "fifo" for this channel',
  );
  expect(
    refusal(() =>
      built({ kind: ChannelKind.FIFO, workload: { ...steady, busiestGroupMessagesPerSecond: 41 } }),
    ).message,
  ).toContain('busiestGroupPerSecond of workload is 41, must be at most 40, the peak of all groups');
});
