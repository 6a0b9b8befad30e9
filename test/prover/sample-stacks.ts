import type { Stack } from 'aws-cdk-lib';
import { Duration } from 'aws-cdk-lib';
import { LambdaIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway';
import { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { AttributeType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Stream } from 'aws-cdk-lib/aws-kinesis';
import { Code, Function as LambdaFunction, Runtime, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import type { FunctionProps } from 'aws-cdk-lib/aws-lambda';
import {
  DynamoEventSource,
  KinesisEventSource,
  S3OnFailureDestination,
  SqsDlq,
  SqsEventSource,
  type SqsEventSourceProps,
} from 'aws-cdk-lib/aws-lambda-event-sources';
import { Bucket, EventType } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue, type QueueProps } from 'aws-cdk-lib/aws-sqs';

/** The shape of a published sample, written anew: what is wrong with it, and how it would be right. */
export interface Sample {
  /** Where such a stack is published, and what it is there. */
  readonly like: string;
  readonly build: (stack: Stack) => unknown;
  /** Rules that are broken, or at risk. */
  readonly finds: readonly string[];
  /** The same shape with its faults mended. */
  readonly mended: (stack: Stack) => unknown;
}

function worker(stack: Stack, props: Partial<FunctionProps> = {}): LambdaFunction {
  return new LambdaFunction(stack, 'Worker', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = async () => ({ batchItemFailures: [] })'),
    ...props,
  });
}

function consumed(
  stack: Stack,
  queue: Queue,
  given: SqsEventSourceProps = {},
  props: Partial<FunctionProps> = {},
): LambdaFunction {
  const consumer = worker(stack, props);
  consumer.addEventSource(new SqsEventSource(queue, given));
  return consumer;
}

/** A queue as every sample should have it: dead letters of its kind that outlive it, and somebody who is told. */
function rightQueue(stack: Stack, props: QueueProps = {}, maxReceiveCount = 5): Queue {
  const { fifo } = props;
  const dead = new Queue(stack, 'Dead', { fifo, retentionPeriod: Duration.days(14) });
  new Alarm(stack, 'DeadAlarm', {
    metric: dead.metricApproximateNumberOfMessagesVisible(),
    threshold: 0,
    evaluationPeriods: 1,
  });
  return new Queue(stack, 'Queue', { ...props, deadLetterQueue: { queue: dead, maxReceiveCount } });
}

const right = { reportBatchItemFailures: true };

function events(stack: Stack): Table {
  return new Table(stack, 'Events', {
    partitionKey: { name: 'id', type: AttributeType.STRING },
    stream: StreamViewType.NEW_IMAGE,
  });
}

export const samples: readonly Sample[] = [
  {
    like: 'serverless-patterns, queue to function: everything as it comes',
    build: (stack) => consumed(stack, new Queue(stack, 'Queue')),
    finds: ['partial-batch-response', 'poison-has-an-end'],
    mended: (stack) => consumed(stack, rightQueue(stack), right),
  },
  {
    like: 'Solutions Constructs, aws-sqs-lambda: dead letters after 15 receives, retentions as they come',
    build: (stack) => {
      const dead = new Queue(stack, 'Dead');
      consumed(stack, new Queue(stack, 'Queue', { deadLetterQueue: { queue: dead, maxReceiveCount: 15 } }));
    },
    finds: ['dead-letters-outlive-the-queue', 'partial-batch-response'],
    mended: (stack) => consumed(stack, rightQueue(stack, {}, 15), right),
  },
  {
    like: 'aws-cdk-examples, a slow function behind a queue with 30 seconds of visibility (the bill of issue 690)',
    build: (stack) => consumed(stack, new Queue(stack, 'Queue'), right, { timeout: Duration.seconds(30) }),
    finds: ['poison-has-an-end', 'visibility-covers-the-function'],
    mended: (stack) =>
      consumed(stack, rightQueue(stack, { visibilityTimeout: Duration.seconds(180) }), right, {
        timeout: Duration.seconds(30),
      }),
  },
  {
    like: 'serverless-patterns, FIFO queue to function: deduplication by content, three receives',
    build: (stack) => {
      const dead = new Queue(stack, 'Dead', { fifo: true });
      const queue = new Queue(stack, 'Queue', {
        fifo: true,
        contentBasedDeduplication: true,
        deadLetterQueue: { queue: dead, maxReceiveCount: 3 },
      });
      consumed(stack, queue);
    },
    finds: ['content-is-no-identity', 'partial-batch-response', 'receives-are-no-failures'],
    mended: (stack) => consumed(stack, rightQueue(stack, { fifo: true }), right),
  },
  {
    like: 'serverless-patterns, topic to queues to functions: one queue shared by two, one with a filter',
    build: (stack) => {
      const queue = rightQueue(stack);
      new Topic(stack, 'Topic').addSubscription(new SqsSubscription(queue));
      consumed(stack, queue, { ...right, filters: [{ pattern: '{"body":{"kind":["paid"]}}' }] });
      new LambdaFunction(stack, 'Other', {
        runtime: Runtime.NODEJS_24_X,
        handler: 'index.handler',
        code: Code.fromInline('exports.handler = async () => ({ batchItemFailures: [] })'),
      }).addEventSource(new SqsEventSource(queue, right));
    },
    finds: ['filtered-messages-are-deleted', 'one-consumer-per-channel'],
    mended: (stack) => {
      const queue = rightQueue(stack);
      new Topic(stack, 'Topic').addSubscription(new SqsSubscription(queue));
      consumed(stack, queue, right);
    },
  },
  {
    like: 'document processing: objects of a bucket to a queue, a function of 15 minutes, 14 days of work',
    build: (stack) => {
      const queue = rightQueue(
        stack,
        { visibilityTimeout: Duration.minutes(15), retentionPeriod: Duration.days(14) },
        2_000,
      );
      new Bucket(stack, 'Bucket').addEventNotification(EventType.OBJECT_CREATED, new SqsDestination(queue));
      consumed(stack, queue, { batchSize: 1 }, { timeout: Duration.minutes(15) });
    },
    finds: ['dead-letters-before-expiry', 'dead-letters-outlive-the-queue', 'visibility-covers-the-function'],
    mended: (stack) => {
      const queue = rightQueue(stack, { visibilityTimeout: Duration.minutes(90) });
      new Bucket(stack, 'Bucket').addEventNotification(EventType.OBJECT_CREATED, new SqsDestination(queue));
      consumed(stack, queue, { batchSize: 1 }, { timeout: Duration.minutes(15) });
    },
  },
  {
    like: 'serverless-patterns, bus to queue to function: reserved concurrency to spare a database',
    build: (stack) => {
      const queue = rightQueue(stack);
      new Rule(stack, 'Rule', { eventPattern: { source: ['orders'] }, targets: [new SqsQueue(queue)] });
      consumed(stack, queue, right, { reservedConcurrentExecutions: 5 });
    },
    finds: ['pollers-are-not-throttled'],
    mended: (stack) => {
      const queue = rightQueue(stack);
      new Rule(stack, 'Rule', { eventPattern: { source: ['orders'] }, targets: [new SqsQueue(queue)] });
      consumed(stack, queue, { ...right, maxConcurrency: 5 });
    },
  },
  {
    like: 'serverless-patterns, table stream to function: LATEST, tries without end',
    build: (stack) =>
      worker(stack).addEventSource(
        new DynamoEventSource(events(stack), { startingPosition: StartingPosition.LATEST }),
      ),
    finds: ['one-failure-is-one-record', 'relay-gives-up', 'stream-from-the-start'],
    mended: (stack) =>
      worker(stack).addEventSource(
        new DynamoEventSource(events(stack), {
          ...right,
          startingPosition: StartingPosition.TRIM_HORIZON,
          retryAttempts: 10,
          onFailure: new S3OnFailureDestination(new Bucket(stack, 'Discarded')),
        }),
      ),
  },
  {
    like: 'serverless-patterns, Kinesis to function: what fails goes to a queue',
    build: (stack) =>
      worker(stack).addEventSource(
        new KinesisEventSource(new Stream(stack, 'Stream'), {
          startingPosition: StartingPosition.TRIM_HORIZON,
          bisectBatchOnError: true,
          retryAttempts: 3,
          onFailure: new SqsDlq(new Queue(stack, 'Dead')),
        }),
      ),
    finds: ['discarded-records-are-whole'],
    mended: (stack) =>
      worker(stack).addEventSource(
        new KinesisEventSource(new Stream(stack, 'Stream'), {
          startingPosition: StartingPosition.TRIM_HORIZON,
          bisectBatchOnError: true,
          retryAttempts: 3,
          onFailure: new S3OnFailureDestination(new Bucket(stack, 'Discarded')),
        }),
      ),
  },
  {
    like: 'Powertools, idempotent batch behind an API: receipts of an hour, only the age is watched',
    build: (stack) => {
      const dead = new Queue(stack, 'Dead', { retentionPeriod: Duration.days(14) });
      const queue = new Queue(stack, 'Queue', { deadLetterQueue: { queue: dead, maxReceiveCount: 5 } });
      new Alarm(stack, 'AgeAlarm', {
        metric: queue.metricApproximateAgeOfOldestMessage(),
        threshold: 3600,
        evaluationPeriods: 1,
      });
      powertools(stack, queue);
    },
    finds: ['age-hides-poison'],
    mended: (stack) => powertools(stack, rightQueue(stack)),
  },
];

function powertools(stack: Stack, queue: Queue): void {
  const receipts = new Table(stack, 'Receipts', {
    partitionKey: { name: 'id', type: AttributeType.STRING },
    timeToLiveAttribute: 'expiration',
  });
  const consumer = consumed(stack, queue, right, { environment: { TABLE: receipts.tableName } });
  new RestApi(stack, 'Api').root.addMethod('POST', new LambdaIntegration(consumer));
}
