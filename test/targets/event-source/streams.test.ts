import { setTimeout as sleep } from 'node:timers/promises';
import { MappingInvalidError } from '../../../targets/event-source/errors.js';
import { embedded } from '../../fixtures/embedded.js';
import { StreamLab } from '../kit/stream-lab.js';

const lab = new StreamLab(embedded());
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

test('a record of a stream has the fields that Lambda gives it', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  await bench.put({ n: { S: 'a' }, bytes: { B: Buffer.from([0, 255, 16]) }, list: { L: [{ N: '1' }] } });
  await bench.delete('a');
  const runner = await lab.run(bench);
  await runner.idle(100);
  const [inserted, removed] = (await bench.seen()).flatMap(({ records }) => records);
  const image = { n: { S: 'a' }, bytes: { B: 'AP8Q' }, list: { L: [{ N: '1' }] } };
  const place = {
    ApproximateCreationDateTime: expect.any(Number),
    Keys: { n: { S: 'a' } },
    SequenceNumber: expect.stringMatching(/^\d+$/),
    SizeBytes: expect.any(Number),
    StreamViewType: 'NEW_AND_OLD_IMAGES',
  };
  expect(inserted).toEqual({
    eventID: expect.stringMatching(/.+/),
    eventName: 'INSERT',
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: runner.streamMappings[0]!.streamArn,
    dynamodb: { ...place, NewImage: image },
  });
  expect(removed).toMatchObject({ eventName: 'REMOVE', dynamodb: { ...place, OldImage: image } });
});

test('records of a shard arrive in order, one batch at a time, at most BatchSize of them', async () => {
  const bench = await lab.bench({
    behaviour: (_records, { sleep }) => sleep(100),
    mapping: { BatchSize: 2 },
  });
  await bench.put('1', '2', '3', '4', '5');
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.batches()).toEqual(['1 2', '3 4', '5']);
  expect((await bench.seen()).map(({ running }) => running)).toEqual([1, 1, 1]);
});

test('TRIM_HORIZON begins with the oldest record, LATEST with what comes after the start', async () => {
  const horizon = await lab.bench({ behaviour: () => undefined });
  const latest = await lab.bench({ behaviour: () => undefined, mapping: { StartingPosition: 'LATEST' } });
  for (const bench of [horizon, latest]) {
    await bench.put('before');
    const runner = await lab.run(bench);
    await bench.put('after');
    await runner.idle(100);
  }
  expect((await horizon.batches()).join(' ')).toBe('before after');
  expect((await latest.batches()).join(' ')).toBe('after');
});

test('a batching window of a stream gathers what is written while it is open', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    // Far beyond the test's own time limit: only a full batch ends it.
    mapping: { BatchSize: 3, MaximumBatchingWindowInSeconds: 300 },
  });
  const runner = await lab.run(bench);
  await bench.put('1');
  await sleep(300);
  expect(await bench.batches()).toEqual([]);
  await bench.put('2', '3');
  await runner.idle(100);
  expect(await bench.batches()).toEqual(['1 2 3']);
});

test('a failed batch blocks its shard until it has succeeded', async () => {
  const bench = await lab.bench({
    behaviour: (records, { n, attempt }) => {
      if (n(records[0]!) === '1' && attempt(records[0]!) < 3) throw new Error('no');
    },
    mapping: { BatchSize: 2 },
  });
  await bench.put('1', '2', '3');
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.batches()).toEqual(['1 2', '1 2', '1 2', '3']);
  expect(runner.invocations.map(({ outcome, failed }) => `${outcome} ${failed}`)).toEqual([
    'error 2',
    'error 2',
    'ok 0',
    'ok 0',
  ]);
});

test('a killed worker brings the batch of a stream again', async () => {
  const bench = await lab.bench({
    behaviour: (records, { attempt }) => {
      if (attempt(records[0]!) === 1) process.kill(process.pid, 'SIGKILL');
    },
  });
  await bench.put('1', '2');
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect((await bench.batches()).at(-1)).toBe('1 2');
  expect(runner.invocations.map(({ outcome }) => outcome)).toEqual(['error', 'ok']);
});

test('a partial response of a stream makes the lowest sequence number the checkpoint', async () => {
  const bench = await lab.bench({
    behaviour: (records, { n, attempt }) => ({
      batchItemFailures: records
        .filter((record) => ['4', '2'].includes(n(record)) && attempt(record) === 1)
        .reverse()
        .map(({ dynamodb }) => ({ itemIdentifier: dynamodb.SequenceNumber })),
    }),
    mapping: { BatchSize: 5 },
  });
  await bench.put('1', '2', '3', '4', '5');
  const runner = await lab.run(bench);
  await runner.idle(100);
  // 3 had succeeded, and comes again all the same.
  expect(await bench.batches()).toEqual(['1 2 3 4 5', '2 3 4 5']);
  expect(runner.invocations.map(({ outcome, failed }) => `${outcome} ${failed}`)).toEqual([
    'partial 4',
    'ok 0',
  ]);
});

test('a malformed partial response of a stream fails the whole batch', async () => {
  const bench = await lab.bench({
    behaviour: (records, { attempt }) =>
      [{ itemIdentifier: '' }, { itemIdentifier: null }, { sequenceNumber: '1' }].map((entry) => ({
        batchItemFailures: [entry],
      }))[attempt(records[0]!) - 1],
  });
  await bench.put('1', '2');
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.batches()).toEqual(['1 2', '1 2', '1 2', '1 2']);
  expect(runner.invocations.map(({ functionError }) => functionError)).toEqual([
    'an itemIdentifier is empty',
    'an itemIdentifier is null',
    'an entry of batchItemFailures has no itemIdentifier',
    undefined,
  ]);
});

test('without ReportBatchItemFailures the response of a stream is ignored', async () => {
  const bench = await lab.bench({
    behaviour: (records) => ({
      batchItemFailures: records.map(({ dynamodb }) => ({ itemIdentifier: dynamodb.SequenceNumber })),
    }),
    mapping: { FunctionResponseTypes: [] },
  });
  await bench.put('1', '2');
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.batches()).toEqual(['1 2']);
});

test('records that no filter of a stream matches are passed over', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    mapping: {
      FilterCriteria: {
        Filters: [
          {
            Pattern: JSON.stringify({
              eventName: ['INSERT'],
              dynamodb: { NewImage: { n: { S: [{ prefix: 'a' }] } } },
            }),
          },
        ],
      },
    },
  });
  await bench.put('b1', 'a1', 'b2');
  await bench.put({ n: { S: 'a1' }, changed: { BOOL: true } });
  await bench.put('a2');
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect((await bench.batches()).join(' ')).toBe('a1 a2');
});

test('ParallelizationFactor runs batches of a shard side by side and keeps the order of each item', async () => {
  const bench = await lab.bench({
    behaviour: (_records, { sleep }) => sleep(300),
    mapping: { BatchSize: 1, ParallelizationFactor: 4 },
  });
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  for (const version of ['1', '2'])
    for (const n of names) await bench.put({ n: { S: n }, version: { S: version } });
  const runner = await lab.run(bench);
  await runner.idle(100);
  const seen = await bench.seen();
  expect(Math.max(...seen.map(({ running }) => running))).toBeGreaterThan(1);
  const versions = new Map<string, string>();
  for (const { NewImage } of seen.flatMap(({ records }) => records.map(({ dynamodb }) => dynamodb))) {
    const { n, version } = NewImage as Record<'n' | 'version', { S: string }>;
    versions.set(n.S, `${versions.get(n.S) ?? ''}${version.S}`);
  }
  expect([...versions].sort()).toEqual(names.map((n) => [n, '12']));
});

test('settings of a stream that AWS refuses are refused', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    mapping: {
      BatchSize: 10_001,
      ParallelizationFactor: 11,
      MaximumRecordAgeInSeconds: 59,
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":"INSERT"}' }] },
    },
  });
  await expect(lab.run(bench)).rejects.toThrow(
    new MappingInvalidError(bench.mappingId, [
      'batch size 10001, 1 to 10,000 is allowed',
      'a parallelization factor of 11, 1 to 10 is allowed',
      'a maximum record age of 59 s, -1 or 60 to 604,800 s is allowed',
      'the rule of "eventName" is neither a list nor an object',
    ]),
  );
  const dated = await lab.bench({
    behaviour: () => undefined,
    mapping: { StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: new Date(0) },
  });
  await expect(lab.run(dated)).rejects.toThrow(
    new MappingInvalidError(dated.mappingId, [
      'starting position AT_TIMESTAMP, TRIM_HORIZON and LATEST are allowed',
    ]),
  );
});
