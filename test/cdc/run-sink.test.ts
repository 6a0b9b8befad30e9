import {
  debezium,
  DebeziumTooOld,
  MemoryLog,
  RecordsMissing,
  runSink,
  SinkUnavailable,
  SourceUnavailable,
  UndecodableRecord,
  type DeadLetter,
  type SinkRunOptions,
  type TopicPartition,
  type WriteSummary,
} from '../../runtime/cdc/index.js';
import { sleep } from '../../runtime/dedup/sleep.js';
import { changeEvent, systemId } from './debezium-record.js';
import { MemoryStore } from './memory-sink.js';

const topic = 'shop.public.payments';
let log: MemoryLog;
let at: TopicPartition;
let store: MemoryStore;
let ordinal = 0;

beforeEach(() => {
  log = new MemoryLog();
  at = log.create(topic)[0]!;
  store = new MemoryStore();
  ordinal = 0;
});

const append = (ids: readonly number[], to = at) => {
  for (const id of ids) log.append(to, changeEvent({ after: { id, v: 'x' }, ordinal: (ordinal += 1) }));
};
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const run = (options: Partial<SinkRunOptions> = {}) =>
  runSink({
    source: log,
    sink: store.sink(),
    decode: debezium({ systemId }),
    stopAtEnd: true,
    patienceMs: 0,
    ...options,
  });

test('batches end by their number of records, and by their bytes', async () => {
  append(numbers(0, 25));
  await run({ batch: { rows: 10 } });
  expect(store.batches.map(({ changes }) => changes.length)).toEqual([10, 10, 5]);
  const one = changeEvent({ after: { id: 1, v: 'x' } }).value.length;
  append(numbers(25, 45));
  store.batches.length = 0;
  await run({ batch: { bytes: 4 * one } });
  expect(Math.max(...store.batches.map(({ changes }) => changes.length))).toBeLessThanOrEqual(5);
  expect(store.ids).toEqual(numbers(0, 45));
});

test('a batch that does not fill is written when its time is over', async () => {
  const stop = new AbortController();
  const ended = run({ stopAtEnd: false, signal: stop.signal, batch: { ms: 60 } });
  append([1, 2]);
  await sleep(300);
  expect(store.ids).toEqual([1, 2]);
  append([3]);
  await sleep(300);
  expect(store.ids).toEqual([1, 2, 3]);
  stop.abort();
  await ended;
});

test('told to stop, it writes what it has read, and ends', async () => {
  const stop = new AbortController();
  append([1, 2, 3]);
  const ended = run({ stopAtEnd: false, signal: stop.signal, batch: { ms: 60_000 } });
  await sleep(100);
  expect(store.ids).toEqual([]);
  stop.abort();
  const [summary] = await ended;
  expect(store.ids).toEqual([1, 2, 3]);
  expect(summary).toMatchObject({ next: 3n, rows: 3 });
});

test('a source that has nothing and does not wait, as one that was closed, keeps nobody from running', async () => {
  const stop = new AbortController();
  let asked = 0;
  const closed = {
    partitions: () => log.partitions(),
    bounds: (partition: TopicPartition) => log.bounds(partition),
    fetch: () => {
      if ((asked += 1) > 1_000) return Promise.reject(new Error('it is asked without a pause'));
      return Promise.resolve([]);
    },
  };
  const ended = run({ source: closed, stopAtEnd: false, signal: stop.signal, batch: { ms: 1_000 } });
  await sleep(100);
  stop.abort();
  expect(await ended).toMatchObject([{ rows: 0 }]);
});

test('while the sink is busy nothing more than one batch is read', async () => {
  append(numbers(0, 100));
  let read = 0;
  let most = 0;
  const counting = {
    partitions: () => log.partitions(),
    bounds: (partition: TopicPartition) => log.bounds(partition),
    fetch: async (...args: Parameters<MemoryLog['fetch']>) => {
      const records = await log.fetch(...args);
      read += records.length;
      return records;
    },
  };
  const sink = store.sink({
    before: async ({ from }) => {
      await sleep(5);
      most = Math.max(most, read - Number(from.next));
    },
  });
  await run({ source: counting, sink, batch: { rows: 10 } });
  expect(most).toBe(10);
  expect(store.ids).toHaveLength(100);
});

test('offsets may have holes, where transactions of the log have ended', async () => {
  append([1, 2]);
  log.append(at, { ...changeEvent({ after: { id: 3 }, ordinal: 10 }), offset: 9n });
  log.append(at, { ...changeEvent({ after: { id: 4 }, ordinal: 11 }), offset: 20n });
  await run({ batch: { rows: 2 } });
  ordinal = 11;
  append([5]);
  await run({ batch: { rows: 3 } });
  expect(store.ids).toEqual([1, 2, 3, 4, 5]);
  expect(store.states.get(`${at.topicId}/0`)?.next).toBe(22n);
});

test('a log that is slow to answer: no record below its end is passed unread', async () => {
  append(numbers(0, 6));
  const source = {
    partitions: () => log.partitions(),
    bounds: (partition: TopicPartition) => log.bounds(partition),
    // Behind the third record it answers only who waits.
    fetch: (partition: TopicPartition, from: bigint, options: Parameters<MemoryLog['fetch']>[2]) =>
      from < 3n
        ? log.fetch(partition, from, { ...options, maxRecords: Number(3n - from) })
        : options.waitMs < 1_000
          ? Promise.resolve([])
          : log.fetch(partition, from, options),
  };
  expect(await run({ source, batch: { ms: 50 } })).toMatchObject([{ rows: 6, next: 6n }]);
  expect(store.ids).toEqual(numbers(0, 6));
});

test('a topic made anew, whose log is shorter than what the sink has of the old one: nothing is lost', async () => {
  append(numbers(0, 50));
  await run();
  [at] = log.create(topic) as [TopicPartition];
  append(numbers(50, 60));
  await run();
  expect(store.ids).toEqual(numbers(0, 60));
});

test('a log that has expired where the sink stands, or was cut off, stops it', async () => {
  append(numbers(0, 10));
  await run();
  append(numbers(10, 20));
  log.expire(at, 15n);
  await expect(run()).rejects.toThrow(RecordsMissing);
  expect(store.ids).toEqual(numbers(0, 10));
  store.states.set(`${at.topicId}/0`, { next: 30n });
  await expect(run()).rejects.toThrow(/cut off/);
});

test('a new sink begins where the log begins, and says so', async () => {
  append(numbers(0, 10));
  log.expire(at, 4n);
  expect(await run()).toMatchObject([{ began: 4n, rows: 6 }]);
});

test('changes that come again under new offsets are passed; those of a new system are not', async () => {
  append(numbers(0, 5));
  ordinal = 2;
  append(numbers(2, 5));
  append([5]);
  expect(await run()).toMatchObject([{ rows: 6, duplicates: 3 }]);
  expect(store.ids).toEqual(numbers(0, 6));
  ordinal = 0;
  append([100]);
  await run({ decode: debezium({ systemId: '99' }) });
  expect(store.ids.at(-1)).toBe(100);
});

test('a snapshot that is taken anew, by a connector that knows no offset: what it begins with is not lost', async () => {
  append(numbers(0, 5));
  await run();
  const opening = [10, 11, 12].map((id, i) => changeEvent({ after: { id }, commit: null, ordinal: i + 1 }));
  log.append(at, changeEvent({ op: 'r', after: { id: 4 }, commit: null, transaction: null }));
  // Killed in the middle of it, and after the next one.
  for (const event of [...opening.slice(0, 2), ...opening]) log.append(at, event);
  log.append(at, changeEvent({ after: { id: 20 }, commit: 50n }));
  for (const event of opening) log.append(at, event);
  log.append(at, changeEvent({ after: { id: 20 }, commit: 50n }));
  await run({ batch: { rows: 2 } });
  expect(store.ids).toEqual([0, 1, 2, 3, 4, 4, 10, 11, 12, 20]);
});

test('two transactions of many rows, and one that follows at the same LSN: every row once', async () => {
  const rows = (commit: bigint, ids: readonly number[]) =>
    ids.map((id, i) => changeEvent({ after: { id }, commit, ordinal: i + 1, lsn: 500n }));
  const events = [...rows(100n, numbers(0, 100)), ...rows(200n, numbers(100, 200)), ...rows(300n, [200])];
  // A restart in the middle of the second one: it begins again, the end of the first included.
  for (const event of [...events.slice(0, 150), ...events.slice(80)]) log.append(at, event);
  await run({ batch: { rows: 7 } });
  expect(store.ids).toEqual(numbers(0, 201));
});

describe('a record that is no change event', () => {
  beforeEach(() => {
    append([1, 2]);
    log.append(at, { key: '{}', value: 'no JSON' });
    append([3]);
  });

  test('without dead letters stops the sink before it, with what came earlier written', async () => {
    await expect(run()).rejects.toThrow(UndecodableRecord);
    expect(store.ids).toEqual([1, 2]);
    expect(store.states.get(`${at.topicId}/0`)?.next).toBe(2n);
    // And again: it is not passed by trying.
    await expect(run()).rejects.toThrow(UndecodableRecord);
  });

  test('is a dead letter before the offset passes it', async () => {
    const letters: DeadLetter[] = [];
    let refuses = true;
    const deadLetters = {
      send: (letter: DeadLetter) => {
        if (refuses) return Promise.reject(new SinkUnavailable('letters', 'is full'));
        letters.push(letter);
        return Promise.resolve();
      },
    };
    await expect(run({ deadLetters })).rejects.toThrow(SinkUnavailable);
    expect(store.states.get(`${at.topicId}/0`)?.next).toBe(2n);
    refuses = false;
    expect(await run({ deadLetters })).toMatchObject([{ deadLetters: 1, next: 4n }]);
    expect(letters.map(({ error: { offset, reason } }) => [offset, reason])).toEqual([[2n, 'undecodable']]);
    expect(store.ids).toEqual([1, 2, 3]);
  });
});

test('a record of a Debezium that can lose rows stops the sink, dead letters or not', async () => {
  append([1]);
  log.append(at, changeEvent({ after: { id: 2 }, version: '3.6.1.Final', ordinal: 9 }));
  const deadLetters = { send: () => Promise.resolve() };
  await expect(run({ deadLetters })).rejects.toThrow(DebeziumTooOld);
});

test('a topic that may not be read is the log’s fault, and is asked again for as long as patience lasts', async () => {
  append([1]);
  let refusals = 2;
  const source = {
    partitions: () => log.partitions(),
    bounds: (partition: TopicPartition) => log.bounds(partition),
    fetch: (...args: Parameters<MemoryLog['fetch']>) =>
      (refusals -= 1) >= 0
        ? Promise.reject(new SourceUnavailable('not authorised to read the topic'))
        : log.fetch(...args),
  };
  await expect(run({ source })).rejects.toThrow(SourceUnavailable);
  expect(store.ids).toEqual([]);
  await run({ source, patienceMs: 5_000 });
  expect(store.ids).toEqual([1]);
});

test('a log that is away when the run begins is waited for, for as long as patience lasts', async () => {
  append([1]);
  let refusals = 2;
  const source = {
    partitions: () =>
      (refusals -= 1) >= 0 ? Promise.reject(new SourceUnavailable('no broker answers')) : log.partitions(),
    bounds: (partition: TopicPartition) => log.bounds(partition),
    fetch: (...args: Parameters<MemoryLog['fetch']>) => log.fetch(...args),
  };
  await expect(run({ source })).rejects.toThrow(SourceUnavailable);
  expect(await run({ source, patienceMs: 60_000 })).toMatchObject([{ rows: 1 }]);
  expect(store.ids).toEqual([1]);
});

test('one partition that fails ends the run, and the others write what they have read', async () => {
  const [good, bad] = log.create('two', 2) as [TopicPartition, TopicPartition];
  append([1, 2], good);
  log.append(bad, { key: '{}', value: 'no JSON' });
  await expect(run({ stopAtEnd: false, batch: { ms: 60_000 } })).rejects.toThrow(UndecodableRecord);
  expect(store.ids).toEqual([1, 2]);
});

test('a second process on the partition is seen: who is too late reads on from where the sink stands', async () => {
  append(numbers(0, 100));
  const writes: WriteSummary[] = [];
  const observe = (write: WriteSummary) => writes.push(write);
  const slow = store.sink({ before: () => sleep(3) });
  await Promise.all([
    run({ batch: { rows: 7 }, observe }),
    run({ batch: { rows: 10 }, observe, sink: slow }),
  ]);
  expect(store.ids).toEqual(numbers(0, 100));
  expect(writes.some(({ overtaken }) => overtaken)).toBe(true);
});
