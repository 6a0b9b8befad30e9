import { MappingInvalidError } from '../../../targets/event-source/errors.js';
import type { InvocationResult } from '../../../targets/event-source/invoke.js';
import type { BatchWork, DiscardedRecords } from '../../../targets/event-source/kafka/batch.js';
import type { LogRecord } from '../../../targets/event-source/kafka/log.js';
import { readKafkaMapping, type KafkaMapping } from '../../../targets/event-source/kafka/mapping.js';
import { MemoryLog } from '../../../targets/event-source/kafka/memory-log.js';
import { assigned, KafkaPoller } from '../../../targets/event-source/kafka/poller.js';
import { toEvent } from '../../../targets/event-source/kafka/record.js';

const provisioned = { ProvisionedPollerConfig: { MinimumPollers: 1 } };
const mappingOf = (given: Parameters<typeof readKafkaMapping>[0] = {}): KafkaMapping =>
  readKafkaMapping({
    UUID: 'u',
    FunctionArn: 'arn:aws:lambda:us-east-1:111122223333:function:consumer',
    EventSourceArn: 'arn:aws:kafka:us-east-1:111122223333:cluster/orders/1',
    Topics: ['orders'],
    StartingPosition: 'TRIM_HORIZON',
    MaximumBatchingWindowInSeconds: 0,
    ...given,
  });

type Answer = (offsets: readonly number[], records: readonly LogRecord[]) => unknown;

/** A poller over a topic of the records, whose function answers so. `error` is a function error. */
async function played(
  answer: Answer,
  given: Parameters<typeof mappingOf>[0] & { count?: number; partitions?: number } = {},
  options: Partial<BatchWork> = {},
) {
  const { count = 6, partitions = 1, ...configuration } = given;
  const mapping = mappingOf(configuration);
  const log = new MemoryLog('orders', partitions);
  for (let i = 0; i < count; i += 1)
    log.put({ key: null, value: Buffer.from(String(i)) }, { partition: i % partitions });
  const seen: number[][] = [];
  const discarded: DiscardedRecords[] = [];
  const work: BatchWork = {
    invoke: async (records): Promise<InvocationResult> => {
      const offsets = records.map(({ offset }) => offset);
      seen.push(offsets);
      if (seen.length > 50) throw new Error('endless');
      const given = await answer(offsets, records);
      const functionError = given === 'error' ? 'Unhandled' : undefined;
      return { payload: JSON.stringify(given ?? null), functionError, logTail: '', reached: true };
    },
    discard: (some) => Promise.resolve(void discarded.push(some)),
    pause: () => Promise.resolve(),
    now: Date.now,
    stopping: () => false,
    comesAgain: 'from-lowest',
    ...options,
  };
  const poller = new KafkaPoller(mapping, log, await log.partitions(), work);
  await poller.open();
  while (await poller.step());
  return { seen, discarded, log, mapping };
}

const failing = (offset: number, partition = 'orders-0') => ({ itemIdentifier: { partition, offset } });

test('a Kafka event has records by topic and partition, with bytes in base64 and headers as lists of bytes', () => {
  const log = new MemoryLog('orders', 2);
  const record = log.put(
    { key: Buffer.from('k'), value: null, headers: [['h', Buffer.from('é')]] },
    { partition: 1, timestamp: 5 },
  );
  expect(toEvent(mappingOf(), [record])).toMatchObject({
    eventSource: 'aws:kafka',
    records: {
      'orders-1': [
        { topic: 'orders', partition: 1, offset: 0, timestamp: 5, key: 'aw==', headers: [{ h: [195, 169] }] },
      ],
    },
  });
  expect(
    toEvent(mappingOf({ EventSourceArn: undefined, SelfManagedEventSource: {} }), [record]),
  ).toMatchObject({
    eventSource: 'SelfManagedKafka',
  });
});

test('a partition is read in the order of its offsets, one batch at a time, of at most BatchSize records', async () => {
  const { seen, log } = await played(() => undefined, { BatchSize: 4 });
  expect(seen).toEqual([
    [0, 1, 2, 3],
    [4, 5],
  ]);
  expect(await log.committed('u', 0)).toBe(6);
});

test('a Kafka batch may hold records of several partitions', async () => {
  const { seen } = await played(() => undefined, { ...provisioned, partitions: 2, count: 4 });
  expect(seen).toEqual([[0, 1, 0, 1]]);
});

test('on demand every partition is read by itself, provisioned pollers share the partitions', () => {
  expect(assigned([0, 1, 2], { provisionedPollers: undefined })).toEqual([[0], [1], [2]]);
  expect(assigned([0, 1, 2], { provisionedPollers: 2 })).toEqual([[0, 2], [1]]);
});

test('a Kafka function error brings the whole batch again, and nothing passes it', async () => {
  let failures = 2;
  const { seen } = await played(() => (failures-- > 0 ? 'error' : undefined), { BatchSize: 3 });
  expect(seen).toEqual([
    [0, 1, 2],
    [0, 1, 2],
    [0, 1, 2],
    [3, 4, 5],
  ]);
});

test('of a Kafka batch the reported records come again', async () => {
  let first = true;
  const answer: Answer = () => {
    const failed = first ? [failing(1), failing(3)] : [];
    first = false;
    return { batchItemFailures: failed };
  };
  const given = { ...provisioned, FunctionResponseTypes: ['ReportBatchItemFailures' as const] };
  expect((await played(answer, given, { comesAgain: 'reported' })).seen).toEqual([
    [0, 1, 2, 3, 4, 5],
    [1, 3],
  ]);
  first = true;
  expect((await played(answer, given)).seen).toEqual([
    [0, 1, 2, 3, 4, 5],
    [1, 2, 3, 4, 5],
  ]);
});

test('an empty or null Kafka response is a success', async () => {
  const given = { ...provisioned, FunctionResponseTypes: ['ReportBatchItemFailures' as const] };
  for (const answer of [null, {}, { batchItemFailures: [] }, { batchItemFailures: null }])
    expect((await played(() => answer, given)).seen).toHaveLength(1);
});

test('a partition or an offset that was not in the Kafka event fails the batch', async () => {
  const given = { ...provisioned, FunctionResponseTypes: ['ReportBatchItemFailures' as const] };
  for (const wrong of [failing(99), failing(1, 'orders-7'), { itemIdentifier: 'orders-0-1' }, {}]) {
    let first = true;
    const { seen } = await played(() => {
      const failed = first ? [wrong] : [];
      first = false;
      return { batchItemFailures: failed };
    }, given);
    expect(seen).toEqual([
      [0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ]);
  }
});

test('without ReportBatchItemFailures no Kafka response is looked at', async () => {
  const { seen } = await played(() => ({ batchItemFailures: [failing(1)] }), provisioned);
  expect(seen).toHaveLength(1);
});

test('a bisected Kafka batch is tried in halves, the first one first', async () => {
  const { seen } = await played((offsets) => (offsets.length > 2 ? 'error' : undefined), {
    ...provisioned,
    BisectBatchOnFunctionError: true,
  });
  expect(seen).toEqual([[0, 1, 2, 3, 4, 5], [0, 1, 2], [0, 1], [2], [3, 4, 5], [3, 4], [5]]);
});

test('after MaximumRetryAttempts a Kafka batch is given up, and the next one goes on', async () => {
  const { seen, discarded } = await played((offsets) => (offsets[0] === 0 ? 'error' : undefined), {
    ...provisioned,
    MaximumRetryAttempts: 2,
    BatchSize: 3,
  });
  expect(seen).toHaveLength(4);
  expect(discarded.map(({ records, condition }) => [records.length, condition])).toEqual([
    [3, 'RetryAttemptsExhausted'],
  ]);
});

test('infinite Kafka retries become 10 where there is an on-failure destination', async () => {
  const { seen, discarded } = await played(() => 'error', {
    ...provisioned,
    DestinationConfig: { OnFailure: { Destination: 'kafka://failed' } },
  });
  expect([seen.length, discarded.length]).toEqual([11, 1]);
});

test('Kafka records that are too old are given up without an invocation', async () => {
  const { seen, discarded } = await played(
    () => undefined,
    { ...provisioned, MaximumRecordAgeInSeconds: 60 },
    { now: () => Date.now() + 61_000 },
  );
  expect([seen.length, discarded[0]?.condition]).toEqual([0, 'RecordAgeExceeded']);
});

test('error controls of Kafka need provisioned pollers, and the failure topic is another one', () => {
  for (const refused of [
    { BisectBatchOnFunctionError: true },
    { MaximumRetryAttempts: 3 },
    { FunctionResponseTypes: ['ReportBatchItemFailures' as const] },
    { ...provisioned, DestinationConfig: { OnFailure: { Destination: 'kafka://orders' } } },
    { ...provisioned, BatchSize: 10_001 },
  ])
    expect(() => mappingOf(refused)).toThrow(MappingInvalidError);
});

test('a Kafka group goes on where it has committed, and at the oldest record where that is not there', async () => {
  const { log, mapping } = await played(() => undefined, { count: 3 });
  log.put({ key: null, value: Buffer.from('3') });
  const offsetsOf = async (topic: MemoryLog) => {
    const seen: number[][] = [];
    const work = {
      invoke: (records: readonly LogRecord[]) => {
        seen.push(records.map(({ offset }) => offset));
        return Promise.resolve({ payload: '', functionError: undefined, logTail: '', reached: true });
      },
      discard: () => Promise.resolve(),
      pause: () => Promise.resolve(),
      now: Date.now,
      stopping: () => false,
      comesAgain: 'from-lowest' as const,
    };
    const poller = new KafkaPoller(mapping, topic, [0], work);
    await poller.open();
    while (await poller.step());
    return seen;
  };
  expect(await offsetsOf(log)).toEqual([[3]]);
  const anew = new MemoryLog('orders');
  await anew.commit('u', 0, 4);
  anew.put({ key: null, value: null });
  expect(await offsetsOf(anew)).toEqual([[0]]);
});
