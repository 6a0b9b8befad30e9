import { CfnParameter, Duration, NestedStack, Stack, Stage, Validations } from 'aws-cdk-lib';
import { CfnEventSourceMapping, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { CfnQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { ReferenceStack } from '../../bin/reference-stack.js';
import { ExactlyOnceChecks } from '../../lib/index.js';
import { rulesIn, synthesize } from './checked-app.js';
import { samples } from './sample-stacks.js';

const inStack = (build: (stack: Stack) => unknown) => synthesize((app) => build(new Stack(app, 'Stack')));

function worker(scope: Construct, timeout = Duration.seconds(3)): LambdaFunction {
  return new LambdaFunction(scope, 'Worker', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = async () => ({ batchItemFailures: [] })'),
    timeout,
  });
}

const slow = Duration.minutes(1);

describe.each(samples)('$like', ({ build, mended, finds }) => {
  test('what is wrong is found, and nothing else', () => {
    expect(rulesIn(inStack(build), 'error', 'warning')).toEqual(finds);
  });

  test('where it is right there is no alarm', () => {
    const synthesized = inStack(mended);
    expect(rulesIn(synthesized, 'error', 'warning')).toEqual([]);
    expect(synthesized.fails).toBe(false);
  });
});

test('nothing is found in the reference stack', () => {
  const reference = synthesize(
    (app) =>
      new ReferenceStack(app, 'Reference', {
        disposable: false,
        unprotected: false,
        sideBySide: false,
        polling: true,
        mailProviderUrl: 'https://mails.example',
      }),
  );
  expect(rulesIn(reference, 'error', 'warning')).toEqual([]);
});

test('a finding names value, what is allowed, what to change, the page and the construct, and fails the synth', () => {
  const { reported, fails } = inStack((stack) => {
    worker(stack, slow).addEventSource(new SqsEventSource(new Queue(stack, 'Queue'), { batchSize: 1 }));
  });
  expect(fails).toBe(true);
  expect(reported).toContainEqual(
    expect.objectContaining({
      ruleName: 'visibility-covers-the-function',
      severity: 'error',
      description:
        "visibility timeout of 'Stack/Queue/Resource' is 30 seconds. Allowed: at least 6 minutes (6 x timeout + maxBatchingWindow). Otherwise a message comes to a second instance while the first still works on it",
      suggestedFix:
        "raise `visibilityTimeout` of the queue, or lower `timeout` of 'Stack/Worker/Resource' (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html)",
      paths: ['Stack/Queue/Resource'],
    }),
  );
});

test('a finding that somebody answers for no longer fails the synth', () => {
  const synthesized = inStack((stack) => {
    const queue = new Queue(stack, 'Queue');
    worker(stack).addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
    Validations.of(queue).acknowledge({ id: 'ExactlyOnce::poison-has-an-end', reason: 'a demonstration' });
  });
  expect(rulesIn(synthesized, 'error')).toEqual([]);
  expect(synthesized.fails).toBe(false);
});

test.each([undefined, 'weak'])('a queue of another stack is judged, references: %s', (references) => {
  const context = references === undefined ? {} : { '@aws-cdk/core:defaultCrossStackReferences': references };
  const synthesized = synthesize(
    (app) => {
      const stage = new Stage(app, 'Prod');
      const queue = new Queue(new Stack(stage, 'Queues'), 'Queue');
      const stack = new Stack(stage, 'Functions');
      worker(stack, slow).addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
    },
    new ExactlyOnceChecks(),
    context,
  );
  expect(rulesIn(synthesized, 'error')).toEqual(['poison-has-an-end', 'visibility-covers-the-function']);
});

test('a nested stack is read', () => {
  const synthesized = inStack((stack) => {
    const nested = new NestedStack(stack, 'Nested');
    worker(nested, slow).addEventSource(new SqsEventSource(new Queue(nested, 'Queue'), { batchSize: 1 }));
  });
  expect(rulesIn(synthesized, 'error')).toEqual(['poison-has-an-end', 'visibility-covers-the-function']);
});

describe('what cannot be known is said, and fails nothing:', () => {
  test('a queue that the app does not make, with what it must have', () => {
    const synthesized = inStack((stack) => {
      const queue = Queue.fromQueueArn(stack, 'Queue', 'arn:aws:sqs:eu-central-1:111122223333:orders');
      worker(stack, slow).addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
    });
    expect(synthesized.reported).toContainEqual(
      expect.objectContaining({
        ruleName: 'queue-as-stated',
        severity: 'info',
        description: expect.stringContaining('a visibility timeout of 6 minutes'),
      }),
    );
    expect(synthesized.fails).toBe(false);
  });

  test('a value that the deployment gives', () => {
    const synthesized = inStack((stack) => {
      const queue = new CfnQueue(stack, 'Queue', {
        visibilityTimeout: new CfnParameter(stack, 'Seconds', { type: 'Number' }).valueAsNumber,
      });
      new CfnEventSourceMapping(stack, 'Mapping', {
        eventSourceArn: queue.attrArn,
        functionName: worker(stack).functionName,
        batchSize: 1,
      });
    });
    expect(rulesIn(synthesized, 'info')).toContain('known-at-synth');
  });

  test('a function that runs on another library: what its memory has to outlive', () => {
    const { reported } = inStack(samples.at(-1)!.mended);
    expect(reported).toContainEqual(
      expect.objectContaining({
        ruleName: 'receipts-outlive-the-horizon',
        severity: 'info',
        description: expect.stringContaining('at least 18 days'),
      }),
    );
  });
});

test('risks fail the synth where asked to, and what is unknown is left out', () => {
  const [, , , fifo] = samples;
  const plugin = new ExactlyOnceChecks({ failOnRisks: true, reportUnknown: false });
  const synthesized = synthesize((app) => fifo?.build(new Stack(app, 'Stack')), plugin);
  expect(rulesIn(synthesized, 'error')).toContain('content-is-no-identity');
  expect(rulesIn(synthesized, 'warning', 'info')).toEqual([]);
});

interface Given {
  readonly queue?: object;
  readonly mapping?: object;
  readonly dead?: object;
  readonly policy?: (queues: { dead: CfnQueue; queue: CfnQueue }) => unknown;
}

/** A path that is right but for what is given, at the level of CloudFormation, which takes everything. */
function crooked({ queue: props, mapping, dead: deadProps, policy }: Given) {
  return inStack((stack) => {
    const dead = new CfnQueue(stack, 'Dead', { messageRetentionPeriod: 1_209_600, ...deadProps });
    const queue = new CfnQueue(stack, 'Queue', { visibilityTimeout: 30, ...props });
    queue.redrivePolicy = policy?.({ dead, queue }) ?? {
      deadLetterTargetArn: dead.attrArn,
      maxReceiveCount: 5,
    };
    new CfnEventSourceMapping(stack, 'Mapping', {
      eventSourceArn: queue.attrArn,
      functionName: worker(stack).functionName,
      functionResponseTypes: ['ReportBatchItemFailures'],
      ...mapping,
    });
  });
}

const fifo = { fifoQueue: true };

test.each<[string, Given, string[]]>([
  ['nothing', {}, []],
  [
    'a batching window on FIFO',
    { queue: fifo, dead: fifo, mapping: { maximumBatchingWindowInSeconds: 1 } },
    ['batching-window-is-standard'],
  ],
  [
    '11 messages of FIFO',
    { queue: fifo, dead: fifo, mapping: { batchSize: 11 } },
    ['batch-size-of-the-kind'],
  ],
  ['11 messages without a window', { mapping: { batchSize: 11 } }, ['batch-size-of-the-kind']],
  ['11 messages with a window', { mapping: { batchSize: 11, maximumBatchingWindowInSeconds: 1 } }, []],
  [
    'a window that visibility does not cover',
    { mapping: { maximumBatchingWindowInSeconds: 20 } },
    ['visibility-covers-the-function'],
  ],
  ['Standard dead letters of FIFO', { queue: fifo }, ['dead-letters-of-one-kind']],
  [
    'its own dead letters',
    { policy: ({ queue }) => ({ deadLetterTargetArn: queue.getAtt('Arn'), maxReceiveCount: 5 }) },
    ['dead-letters-apart'],
  ],
  [
    'a limit per group without its deduplication',
    { queue: { ...fifo, fifoThroughputLimit: 'perMessageGroupId' }, dead: fifo },
    ['high-throughput-is-per-group'],
  ],
  [
    'a concurrency of 1',
    { mapping: { scalingConfig: { maximumConcurrency: 1 } } },
    ['concurrency-limited-at-the-mapping'],
  ],
  [
    'provisioned pollers',
    { mapping: { provisionedPollerConfig: { minimumPollers: 2, maximumPollers: 10_000 } } },
    [],
  ],
  [
    'provisioned pollers and a limit',
    {
      mapping: {
        provisionedPollerConfig: { minimumPollers: 2, maximumPollers: 4 },
        scalingConfig: { maximumConcurrency: 5 },
      },
    },
    ['provisioned-or-limited'],
  ],
  [
    'fewer pollers at the most than at the least',
    { mapping: { provisionedPollerConfig: { minimumPollers: 9, maximumPollers: 4 } } },
    ['pollers-in-range'],
  ],
])('%s', (_what, given, finds) => {
  expect(rulesIn(crooked(given), 'error', 'warning')).toEqual(finds);
});

test.each<[number, boolean]>([
  [10, true],
  [30, false],
])(
  'a fair queue with %i calls at once of 10 messages: whether the threshold is out of reach is %s',
  (maximumConcurrency, said) => {
    const { reported } = crooked({ mapping: { scalingConfig: { maximumConcurrency } } });
    expect(reported.some(({ ruleName }) => ruleName.endsWith('fair-queue-thresholds'))).toBe(said);
  },
);
