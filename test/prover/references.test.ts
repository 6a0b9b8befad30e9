import {
  type App,
  Aws,
  CfnCondition,
  CfnParameter,
  Duration,
  Fn,
  NestedStack,
  Stack,
  Stage,
} from 'aws-cdk-lib';
import {
  Alias,
  CfnEventSourceMapping,
  type CfnEventSourceMappingProps,
  Code,
  Function as LambdaFunction,
  type FunctionOptions,
  type IFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource, type SqsEventSourceProps } from 'aws-cdk-lib/aws-lambda-event-sources';
import { CfnQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { rulesIn, synthesize } from './checked-app.js';

const inStack = (build: (stack: Stack) => unknown) => synthesize((app) => build(new Stack(app, 'Stack')));

/** A minute of timeout: a queue with defaults does not cover it. */
function worker(scope: Construct, id = 'Worker', options: FunctionOptions = {}): LambdaFunction {
  return new LambdaFunction(scope, id, {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = async () => ({ batchItemFailures: [] })'),
    timeout: Duration.minutes(1),
    ...options,
  });
}

/** With all that a worker needs of it. */
function sound(scope: Construct, id = 'Queue'): Queue {
  return new Queue(scope, id, {
    visibilityTimeout: Duration.minutes(6),
    deadLetterQueue: {
      maxReceiveCount: 5,
      queue: new Queue(scope, `${id}Dead`, { retentionPeriod: Duration.days(14) }),
    },
  });
}

function consume(consumer: IFunction, queue: Queue, props: SqsEventSourceProps = {}): void {
  consumer.addEventSource(new SqsEventSource(queue, { reportBatchItemFailures: true, ...props }));
}

describe('a queue with defaults is found to be wrong,', () => {
  const wrong = ['poison-has-an-end', 'visibility-covers-the-function'];

  test.each<[string, (stack: Stack) => unknown]>([
    [
      'where the stack above gives it to a nested one',
      (stack) => {
        consume(worker(new NestedStack(stack, 'Nested')), new Queue(stack, 'Queue'));
      },
    ],
    [
      'where a nested stack gives it to the one above',
      (stack) => {
        consume(worker(stack), new Queue(new NestedStack(stack, 'Nested'), 'Queue'));
      },
    ],
    [
      'where one nested stack gives it to another',
      (stack) => {
        consume(worker(new NestedStack(stack, 'One')), new Queue(new NestedStack(stack, 'Two'), 'Queue'));
      },
    ],
    [
      'where a nested stack gives the function',
      (stack) => {
        new CfnEventSourceMapping(stack, 'Mapping', {
          eventSourceArn: new Queue(stack, 'Queue').queueArn,
          functionName: worker(new NestedStack(stack, 'Nested')).functionArn,
          batchSize: 1,
        });
      },
    ],
    [
      'behind an alias',
      (stack) => {
        const { currentVersion: version } = worker(stack);
        consume(new Alias(stack, 'Live', { aliasName: 'live', version }), new Queue(stack, 'Queue'));
      },
    ],
    [
      'behind an alias that is only written down',
      (stack) => {
        new CfnEventSourceMapping(stack, 'Mapping', {
          eventSourceArn: new Queue(stack, 'Queue').queueArn,
          functionName: `${worker(stack).functionArn}:live`,
          batchSize: 1,
        });
      },
    ],
  ])('%s', (_where, build) => {
    expect(rulesIn(inStack(build), 'error', 'warning')).toEqual(wrong);
  });
});

test('a queue and a stream that a parameter names are looked at by what their mappings need', () => {
  const of = (props: Partial<CfnEventSourceMappingProps>) =>
    inStack((stack) => {
      new CfnEventSourceMapping(stack, 'Mapping', {
        eventSourceArn: new CfnParameter(stack, 'Source').valueAsString,
        functionName: worker(stack).functionArn,
        ...props,
      });
    });
  expect(rulesIn(of({}), 'error', 'info')).toEqual(
    expect.arrayContaining(['partial-batch-response', 'queue-as-stated']),
  );
  expect(rulesIn(of({ startingPosition: 'LATEST' }), 'error')).toContain('stream-from-the-start');
  expect(rulesIn(of({ startingPosition: 'LATEST', topics: ['orders'] }), 'error', 'info')).toEqual([]);
  expect(rulesIn(of({ queues: ['orders'] }), 'error', 'info')).toEqual([]);
});

describe('stacks of one name are apart', () => {
  /** Two stacks that are sound, or whose queue has defaults. */
  function twoStacks(scope: Construct, id: string, isSound: boolean, region?: string) {
    const env = region === undefined ? {} : { env: { account: '111122223333', region } };
    const queues = new Stack(scope, `${id}Queues`, { stackName: 'Queues', ...env });
    const functions = new Stack(scope, `${id}Functions`, { stackName: 'Functions', ...env });
    consume(worker(functions), isSound ? sound(queues) : new Queue(queues, 'Queue'));
  }

  test.each<[string, (app: App, id: string, isSound: boolean) => void]>([
    [
      'in two Regions',
      (app, id, isSound) => {
        twoStacks(app, id, isSound, isSound ? 'us-east-1' : 'eu-central-1');
      },
    ],
    [
      'in two stages',
      (app, id, isSound) => {
        twoStacks(new Stage(app, id), '', isSound);
      },
    ],
  ])('%s', (_where, build) => {
    const both = (first: boolean, second: boolean) =>
      synthesize((app) => {
        build(app, 'One', first);
        build(app, 'Two', second);
      });
    const { reported } = both(false, true);
    const wrong = reported.filter(({ severity }) => severity === 'error').flatMap(({ paths }) => paths);
    expect(wrong.length).toBeGreaterThan(0);
    expect(wrong.filter((path) => !path.startsWith('One'))).toEqual([]);
    expect(reported.map(({ ruleName }) => ruleName)).not.toContain('one-consumer-per-channel');
  });
});

describe('what only the deployment decides is no error:', () => {
  const either = (then: unknown, otherwise: unknown = Aws.NO_VALUE) =>
    Fn.conditionIf('IsLarge', then, otherwise);

  /** A path that is right, as L1s that take overrides. */
  function path(
    change: (parts: { mapping: CfnEventSourceMapping; queue: CfnQueue; dead: CfnQueue }) => void,
  ) {
    return inStack((stack) => {
      new CfnCondition(stack, 'IsLarge', { expression: Fn.conditionEquals(Aws.REGION, 'us-east-1') });
      const dead = new CfnQueue(stack, 'Dead', { messageRetentionPeriod: 1_209_600 });
      const queue = new CfnQueue(stack, 'Queue', {
        visibilityTimeout: 360,
        redrivePolicy: { deadLetterTargetArn: dead.attrArn, maxReceiveCount: 5 },
      });
      const mapping = new CfnEventSourceMapping(stack, 'Mapping', {
        eventSourceArn: queue.attrArn,
        functionName: worker(stack).functionArn,
        functionResponseTypes: ['ReportBatchItemFailures'],
      });
      change({ mapping, queue, dead });
    });
  }

  test.each<[string, Parameters<typeof path>[0]]>([
    [
      'responses of a batch',
      ({ mapping }) => {
        mapping.addPropertyOverride('FunctionResponseTypes', either(['ReportBatchItemFailures']));
      },
    ],
    [
      'a redrive policy',
      ({ queue, dead }) => {
        const policy = { deadLetterTargetArn: dead.attrArn, maxReceiveCount: 5 };
        queue.addPropertyOverride('RedrivePolicy', either(policy));
      },
    ],
    [
      'the kind of dead letters',
      ({ queue, dead }) => {
        queue.fifoQueue = true;
        dead.addPropertyOverride('FifoQueue', either(true));
      },
    ],
    [
      'a limit beside provisioned pollers',
      ({ mapping }) => {
        mapping.addPropertyOverride('ScalingConfig', either({ MaximumConcurrency: 5 }));
        mapping.addPropertyOverride('ProvisionedPollerConfig', either(Aws.NO_VALUE, { MinimumPollers: 2 }));
      },
    ],
    [
      'deduplication per group',
      ({ queue, dead }) => {
        Object.assign(queue, { fifoQueue: true, fifoThroughputLimit: 'perMessageGroupId' });
        dead.fifoQueue = true;
        queue.addPropertyOverride('DeduplicationScope', either('messageGroup'));
      },
    ],
    [
      'a filter that is left out',
      ({ mapping }) => {
        mapping.addPropertyOverride('FilterCriteria', { Ref: 'AWS::NoValue' });
      },
    ],
  ])('%s', (_what, change) => {
    expect(rulesIn(path(change), 'error', 'warning')).toEqual([]);
  });

  test('where a stream gives its records up to', () => {
    const synthesized = inStack((stack) => {
      new CfnCondition(stack, 'IsLarge', { expression: Fn.conditionEquals(Aws.REGION, 'us-east-1') });
      new CfnEventSourceMapping(stack, 'Mapping', {
        eventSourceArn: 'arn:aws:kinesis:eu-central-1:111122223333:stream/orders',
        functionName: worker(stack).functionArn,
        functionResponseTypes: ['ReportBatchItemFailures'],
        startingPosition: 'TRIM_HORIZON',
        maximumRetryAttempts: 3,
      }).addPropertyOverride(
        'DestinationConfig',
        either({ OnFailure: { Destination: 'arn:aws:s3:::kept' } }),
      );
    });
    expect(rulesIn(synthesized, 'error', 'warning')).toEqual([]);
  });

  test('a policy that is left out for certain is none', () => {
    const synthesized = path(({ queue }) => {
      queue.addPropertyOverride('RedrivePolicy', { Ref: 'AWS::NoValue' });
    });
    expect(rulesIn(synthesized, 'error', 'warning')).toEqual(['poison-has-an-end']);
  });

  test('an amount that AWS refuses does not end the other checks', () => {
    const synthesized = path(({ queue }) => {
      queue.addPropertyOverride('VisibilityTimeout', -1);
      queue.addPropertyDeletionOverride('RedrivePolicy');
    });
    expect(rulesIn(synthesized, 'error', 'warning')).toEqual(['poison-has-an-end']);
  });
});

test('what a function has reserved is shared by its queues', () => {
  const reserving = (reservedConcurrentExecutions: number) =>
    inStack((stack) => {
      const consumer = worker(stack, 'Worker', { reservedConcurrentExecutions });
      for (const id of ['One', 'Two']) consume(consumer, sound(stack, id), { maxConcurrency: 10 });
    });
  expect(rulesIn(reserving(19), 'error', 'warning')).toEqual(['pollers-are-not-throttled']);
  expect(rulesIn(reserving(20), 'error', 'warning')).toEqual([]);
});

test('a mapping that is off takes no messages from another', () => {
  const synthesized = inStack((stack) => {
    const queue = sound(stack);
    consume(worker(stack, 'Old'), queue, { enabled: false });
    consume(worker(stack, 'New'), queue);
  });
  expect(rulesIn(synthesized, 'error', 'warning')).toEqual([]);
});

test('who watches the dead letters of another app is not known', () => {
  const synthesized = inStack((stack) => {
    const dead = Queue.fromQueueArn(stack, 'Dead', 'arn:aws:sqs:eu-central-1:111122223333:dead');
    const queue = new Queue(stack, 'Queue', {
      visibilityTimeout: Duration.minutes(6),
      deadLetterQueue: { maxReceiveCount: 5, queue: dead },
    });
    queue
      .metricApproximateAgeOfOldestMessage()
      .createAlarm(stack, 'Old', { threshold: 60, evaluationPeriods: 1 });
    consume(worker(stack), queue);
  });
  expect(rulesIn(synthesized, 'error', 'warning')).toEqual([]);
});
