import { realisticShardId } from '../../../targets/event-source/streams/shard-id.js';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import type { StreamRecord } from '../../../targets/event-source/index.js';
import { embedded } from '../../fixtures/embedded.js';
import { drain, sqs } from '../../fixtures/queue.js';
import { StreamLab } from '../kit/stream-lab.js';

const lab = new StreamLab(embedded());
const s3 = new S3Client({ ...embedded().client, forcePathStyle: true });
const queues = sqs();
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(async () => {
  s3.destroy();
  queues.destroy();
  await lab.close();
});

async function newBucket(): Promise<{
  arn: string;
  objects: () => Promise<{ key: string; body: Report }[]>;
}> {
  const Bucket = `b-${randomUUID()}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  return {
    arn: `arn:aws:s3:::${Bucket}`,
    async objects() {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
      return Promise.all(
        Contents.map(async ({ Key: key = '' }) => {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: key }));
          return { key, body: JSON.parse(await Body!.transformToString()) as Report };
        }),
      );
    },
  };
}

interface Report {
  requestContext: { condition: string; approximateInvokeCount: number; functionArn: string };
  DDBStreamBatchInfo: { batchSize: number; streamArn: string; startSequenceNumber: string };
  payload?: string;
}

function names(payload: string | undefined): string {
  const { Records } = JSON.parse(payload ?? '{"Records":[]}') as { Records: StreamRecord[] };
  return Records.map(({ dynamodb }) => (dynamodb.Keys['n'] as { S: string }).S).join(' ');
}

test('after MaximumRetryAttempts the whole batch of a stream is discarded and the shard goes on', async () => {
  const bucket = await newBucket();
  const bench = await lab.bench({
    behaviour: (records, { n }) => {
      if (records.some((record) => n(record) === 'poison')) throw new Error('no');
    },
    mapping: {
      BatchSize: 3,
      MaximumRetryAttempts: 1,
      DestinationConfig: { OnFailure: { Destination: bucket.arn } },
    },
  });
  await bench.put('1', 'poison', '2', '3');
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.batches()).toEqual(['1 poison 2', '1 poison 2', '3']);
  expect((await bucket.objects()).map(({ body }) => names(body.payload))).toEqual(['1 poison 2']);
});

test('BisectBatchOnFunctionError isolates a poison record, and a split does not consume the retries', async () => {
  const bucket = await newBucket();
  const bench = await lab.bench({
    behaviour: (records, { n }) => {
      if (records.some((record) => n(record) === 'poison')) throw new Error('no');
    },
    mapping: {
      BatchSize: 4,
      MaximumRetryAttempts: 1,
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: { Destination: bucket.arn } },
    },
  });
  await bench.put('1', '2', 'poison', '4');
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.batches()).toEqual(['1 2 poison 4', '1 2', 'poison 4', 'poison', 'poison', '4']);
  expect((await bucket.objects()).map(({ body }) => names(body.payload))).toEqual(['poison']);
});

test('with BisectBatchOnFunctionError a partial response splits the batch of a stream at its checkpoint', async () => {
  const bench = await lab.bench({
    behaviour: (records, { n, attempt }) => ({
      batchItemFailures: records
        .filter((record) => n(record) === '3' && attempt(record) < 3)
        .map(({ dynamodb }) => ({ itemIdentifier: dynamodb.SequenceNumber })),
    }),
    mapping: { BatchSize: 5, BisectBatchOnFunctionError: true, MaximumRetryAttempts: 0 },
  });
  await bench.put('1', '2', '3', '4', '5');
  const runner = await lab.run(bench);
  await runner.idle(100);
  // Nothing is left to split off before 3: then the rest is halved.
  expect(await bench.batches()).toEqual(['1 2 3 4 5', '3 4 5', '3 4', '5']);
});

test('a record older than MaximumRecordAgeInSeconds is discarded without an invocation', async () => {
  const bucket = await newBucket();
  const bench = await lab.bench({
    behaviour: () => undefined,
    mapping: {
      MaximumRecordAgeInSeconds: 60,
      DestinationConfig: { OnFailure: { Destination: bucket.arn } },
    },
  });
  await bench.put('1', '2');
  const runner = await lab.run(bench, { now: () => Date.now() + 62_000 });
  await runner.idle(100);
  expect(await bench.batches()).toEqual([]);
  const [object] = await bucket.objects();
  expect(object!.body.requestContext).toMatchObject({
    condition: 'RecordAgeExceeded',
    approximateInvokeCount: 0,
  });
});

test('throttled invocations of a stream are tried again without consuming the retries', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    reservedConcurrency: 0,
    mapping: { MaximumRetryAttempts: 0 },
  });
  await bench.put('1');
  const runner = await lab.run(bench);
  while (runner.invocations.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(new Set(runner.invocations.map(({ functionError }) => functionError))).toEqual(
    new Set(['TooManyRequestsException']),
  );
  await bench.unthrottle();
  await runner.idle(100);
  expect(await bench.batches()).toEqual(['1']);
});

test('a bucket is given the discarded records, a queue only their place in the stream', async () => {
  const bucket = await newBucket();
  const QueueName = `q-${randomUUID()}`;
  const { QueueUrl } = await queues.send(new CreateQueueCommand({ QueueName }));
  const { Attributes } = await queues.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const reports: Report[] = [];
  for (const Destination of [bucket.arn, Attributes!['QueueArn']!]) {
    const bench = await lab.bench({
      behaviour: () => {
        throw new Error('no');
      },
      mapping: { MaximumRetryAttempts: 0, DestinationConfig: { OnFailure: { Destination } } },
    });
    await bench.put('1', '2');
    const runner = await lab.run(bench);
    await runner.idle(100);
    const [object] = await bucket.objects();
    const [message] = await drain(queues, QueueUrl!);
    const report = message === undefined ? object!.body : (JSON.parse(message.Body!) as Report);
    expect(report).toMatchObject({
      requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 1 },
      DDBStreamBatchInfo: { batchSize: 2, streamArn: runner.streamMappings[0]!.streamArn },
    });
    expect(object!.key).toMatch(
      /^aws\/lambda\/[-0-9a-f]{36}\/shardId-\d{20}-[0-9a-f]{8}\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[-0-9a-f]{36}$/,
    );
    reports.push(report);
  }
  expect(names(reports[0]!.payload)).toBe('1 2');
  expect(reports[1]).not.toHaveProperty('payload');
});

test('shard ids in reports look like those of AWS, whatever the target calls them', () => {
  const ofAws = 'shardId-00000001573689847184-864758bb';
  expect(realisticShardId(ofAws)).toBe(ofAws);
  const other = realisticShardId('shardId-0192f0a3bce8d1f2-ab');
  expect(other).toMatch(/^shardId-\d{20}-[0-9a-f]{8}$/);
  expect(realisticShardId('shardId-0192f0a3bce8d1f2-ab')).toBe(other);
  expect(realisticShardId('shardId-0192f0a3bce8d1f2-ac')).not.toBe(other);
});
