import { PackageMissing } from '../../../runtime/dedup/package-missing.js';
import type { ClientConsumer } from '../../../runtime/kafka/processor/client-port.js';
import {
  canBeCut,
  deadLetter,
  deadLetterHeaders,
  withoutValue,
} from '../../../runtime/kafka/processor/dead-letter.js';
import {
  kafkaProcessor,
  logProcessorEvents,
  mskIam,
  OffsetMissing,
} from '../../../runtime/kafka/processor/index.js';
import { incarnationText, readIncarnation } from '../../../runtime/kafka/processor/incarnations.js';
import { Lane } from '../../../runtime/kafka/processor/lane.js';
import { GatheredTransaction } from '../../../runtime/kafka/processor/message.js';
import type { KafkaProcessorOptions } from '../../../runtime/kafka/processor/options.js';
import { Rebalances } from '../../../runtime/kafka/processor/rebalances.js';
import { takeSlot } from '../../../runtime/kafka/processor/slot.js';
import { decideStart, type Known } from '../../../runtime/kafka/processor/start.js';
import { ModelLeases } from './model-leases.js';

const options: KafkaProcessorOptions = {
  consumerName: 'shop',
  topics: ['purchases'],
  kafka: { 'bootstrap.servers': 'localhost:9' },
  slot: 0,
  handle: () => undefined,
};

/** An error that has these fields. */
function errorWith(fields: object): Error {
  return expect.objectContaining(fields) as Error;
}

describe('where a partition begins', () => {
  const known: Known = {
    topic: 'purchases',
    partition: 1,
    topicId: 'new',
    committed: 70,
    committedTopicId: 'new',
    earliest: 10,
    isAddedLater: false,
  };
  const none = { committed: undefined, committedTopicId: undefined };

  it.each<[string, Partial<Known>, 'earliest' | 'latest' | undefined, unknown]>([
    ['at the committed offset', {}, undefined, { at: 70, isNew: false }],
    ['at the committed offset whatever start says', {}, 'latest', { at: 70, isNew: false }],
    [
      'at an offset that another client committed',
      { committedTopicId: undefined },
      undefined,
      { at: 70, isNew: false },
    ],
    ['nowhere when retention has overtaken it', { committed: 9 }, 'earliest', 'OffsetMissing'],
    ['nowhere in a new group', none, undefined, 'OffsetMissing'],
    ['at the first record in a new group that says so', none, 'earliest', { at: 10, isNew: true }],
    ['behind the last record in a new group that says so', none, 'latest', { latest: true }],
    [
      'at its first record when it was added later',
      { ...none, isAddedLater: true },
      'latest',
      { at: 10, isNew: true },
    ],
    [
      'nowhere when the offset is of an earlier topic',
      { committedTopicId: 'old' },
      undefined,
      'TopicRecreated',
    ],
    ['not behind what is in a recreated topic', { committedTopicId: 'old' }, 'latest', 'TopicRecreated'],
    [
      'at the beginning of a recreated topic',
      { committedTopicId: 'old' },
      'earliest',
      { at: 10, isNew: true },
    ],
  ])('is %s', (_, change, start, expected) => {
    const decide = () => decideStart({ ...known, ...change }, 'shop', start);
    if (typeof expected === 'string') expect(decide).toThrow(errorWith({ name: expected }));
    else expect(decide()).toEqual(expected);
  });

  it('is read from the metadata of an offset, and from that of nobody else', () => {
    expect(readIncarnation(incarnationText({ id: 'a/b', partitions: 4 }))).toEqual({
      id: 'a/b',
      partitions: 4,
    });
    expect(readIncarnation('')).toBeUndefined();
    expect(readIncarnation('something of another client')).toBeUndefined();
  });
});

describe('a lane', () => {
  const message = (offset: number) => ({ topic: 't', partition: 0, offset, value: null });

  it('gives an aborted transaction back in its order, and drops copies', () => {
    const lane = new Lane('t', 0, { id: 'x', partitions: 1 }, 5);
    for (const offset of [4, 5, 6, 6, 9]) lane.take(message(offset));
    expect(lane.waiting.map(({ offset }) => offset)).toEqual([5, 6, 9]);
    lane.inTransaction = [{ message: message(5), sendings: [] }];
    lane.handled = [{ message: message(6), sendings: [] }];
    expect(lane.offset).toBe(6);
    lane.giveBack();
    expect(lane.handled.map((one) => one.message.offset)).toEqual([5, 6]);
    expect(lane.offset).toBe(5);
  });

  it('passes over what can never be read, and over nothing that waits or is left to others', () => {
    const lane = new Lane('t', 0, { id: 'x', partitions: 1 }, 5);
    lane.reach(5);
    expect(lane.offset).toBe(5);
    for (const offset of [5, 6]) lane.take(message(offset));
    lane.reach(9);
    expect(lane.offset).toBe(5);
    lane.leaveWaiting();
    expect([lane.waiting, lane.offset]).toEqual([[], 5]);

    const through = new Lane('t', 0, { id: 'x', partitions: 1 }, 5);
    through.reach(9);
    through.inTransaction = [{ message: message(6), sendings: [] }];
    expect(through.offset).toBe(9);
    through.take(message(9));
    expect(through.offset).toBe(7);
    through.settle(7);
    expect([through.committed, through.offset]).toEqual([7, 7]);
  });
});

describe('a rebalance', () => {
  const partitions = [{ topic: 'purchases', partition: 0 }];
  const event = (code: number) => Object.assign(new Error(), { code });

  it.each([
    ['assigns', -175],
    ['revokes', -174],
  ])('that %s while the group is left is answered: else the client never closes', (_, code) => {
    let answers = 0;
    const consumer = { unassign: () => (answers += 1) } as unknown as ClientConsumer;
    const rebalances = new Rebalances();
    rebalances.callback(event(-175), partitions);
    // Taken in hand, and that failed.
    expect(rebalances.next()).toEqual({ kind: 'assign', partitions });
    rebalances.close(consumer);
    expect(answers).toBe(1);
    rebalances.callback(event(code), partitions);
    expect(answers).toBe(2);
    expect(rebalances.next()).toBeUndefined();
  });
});

describe('a dead letter', () => {
  it('keeps its headers, has a reason of at most 1,000 bytes, and can do without what is too large', () => {
    const letter = deadLetter({
      deadLetterTopic: 'letters',
      consumerName: 'shop',
      message: {
        topic: 't',
        partition: 3,
        offset: 7,
        value: Buffer.from('v'),
        key: 'k',
        headers: [{ own: 'h' }],
      },
      topicId: 'id',
      failures: 2,
      error: new Error('ü'.repeat(900)),
    });
    const headers = Object.assign({}, ...letter.headers) as Record<string, string>;
    expect(headers).toMatchObject({
      own: 'h',
      [deadLetterHeaders.offset]: '7',
      [deadLetterHeaders.failures]: '2',
    });
    expect(Buffer.byteLength(headers[deadLetterHeaders.reason] ?? '')).toBeLessThanOrEqual(1_000);
    expect(headers[deadLetterHeaders.reason]).not.toContain('\uFFFD');

    const small = withoutValue(letter);
    expect(small.value).toBeNull();
    expect(small.headers).not.toContainEqual({ own: 'h' });
    expect(small.headers).toContainEqual({ [deadLetterHeaders.value]: 'omitted' });
    expect(small.key).toBe('k');
    expect(canBeCut(small)).toBe(false);

    const long = withoutValue({ ...letter, value: null, key: 'k'.repeat(1_001) });
    expect(canBeCut({ ...letter, value: null, key: 'k'.repeat(1_001) })).toBe(true);
    expect(long.key).toBeNull();
    expect(long.headers).toContainEqual({ [deadLetterHeaders.key]: 'omitted' });
    expect(canBeCut(long)).toBe(false);
  });
});

describe('a transaction', () => {
  it('is sealed when its handler has returned, and refuses what the client would not take', () => {
    const tx = new GatheredTransaction(10);
    tx.send('t', { value: '12345', key: '12345' });
    expect(() => tx.send('t', { value: '12345678901' })).toThrow(errorWith({ final: true }));
    expect(tx.seal()).toHaveLength(1);
    expect(() => tx.send('t', { value: 'late' })).toThrow(errorWith({ name: 'TransactionSealed' }));
  });

  it.each<[string, unknown, object]>([
    ['no topic', undefined, { value: '1' }],
    ['an empty topic', '', { value: '1' }],
    ['a topic with a blank', 'a b', { value: '1' }],
    ['the topic ..', '..', { value: '1' }],
    ['a topic of 250 characters', 't'.repeat(250), { value: '1' }],
    ['no value', 't', {}],
    ['a number as value', 't', { value: 5 }],
    ['an object as value', 't', { value: { a: 1 } }],
    ['an object as key', 't', { value: '1', key: {} }],
    ['a header without a value', 't', { value: '1', headers: { a: undefined } }],
    ['a partition below 0', 't', { value: '1', partition: -1 }],
    ['half a partition', 't', { value: '1', partition: 0.5 }],
    ['a partition of 32 bits', 't', { value: '1', partition: 2 ** 31 }],
    ['no timestamp', 't', { value: '1', timestamp: Number.NaN }],
  ])('is not given what no broker takes, which would fail it for everybody: %s', (_, topic, record) => {
    const tx = new GatheredTransaction(1_000);
    expect(() => tx.send(topic as string, record as never)).toThrow(
      errorWith({ name: 'RejectMessage', message: expect.stringContaining('tx.send was given') as string }),
    );
    tx.send('t', { value: null, key: Buffer.of(1), headers: { a: 'b' }, partition: 0, timestamp: 0 });
    expect(tx.seal()).toHaveLength(1);
  });
});

describe('the options', () => {
  it('name all problems at once, and leave to the processor what the guarantee hangs on', () => {
    const make = () =>
      kafkaProcessor({
        ...options,
        consumerName: 'with space',
        topics: [],
        kafka: { 'isolation.level': 'read_uncommitted', 'group.instance.id': 'a' },
        slot: -1,
        commitIntervalMs: 6_000,
      });
    expect(make).toThrow(
      errorWith({
        name: 'InvalidSettings',
        problems: [
          expect.stringContaining('consumerName'),
          expect.stringContaining('topics is empty'),
          expect.stringContaining('group.instance.id, isolation.level'),
          expect.stringContaining('bootstrap.servers'),
          expect.stringContaining('slot must be'),
          expect.stringContaining('half of transactionTimeoutMs'),
        ],
      }),
    );
  });

  it('need the client, which is not installed unasked: its absence is told with what to do', async () => {
    const run = kafkaProcessor(options).run();
    await expect(run).rejects.toThrow(PackageMissing);
    await expect(run).rejects.toThrow('npm install @confluentinc/kafka-javascript');
  });

  it('sign in at MSK with a token of the signer', async () => {
    const settings = mskIam('eu-west-1', () =>
      Promise.resolve({
        generateAuthToken: ({ region }) => Promise.resolve({ token: `token of ${region}`, expiryTime: 42 }),
      }),
    );
    const refresh = settings.oauthbearer_token_refresh_cb as () => Promise<unknown>;
    expect(settings).toMatchObject({ 'security.protocol': 'sasl_ssl', 'sasl.mechanisms': 'OAUTHBEARER' });
    expect(await refresh()).toMatchObject({ tokenValue: 'token of eu-west-1', lifetime: 42 });
    const unset = mskIam('eu-west-1').oauthbearer_token_refresh_cb as () => Promise<unknown>;
    await expect(unset()).rejects.toThrow('npm install aws-msk-iam-sasl-signer-js');
  });
});

describe('slots', () => {
  const lost = jest.fn();

  it('are each one process; a freed one, and one whose process is gone, go to the next', async () => {
    const store = new ModelLeases();
    const take = (waitMs: number) => takeSlot('shop', { store, count: 2, durationMs: 1_000, waitMs }, lost);
    const [first, second] = [await take(0), await take(0)];
    expect([first.number, second.number]).toEqual([0, 1]);
    await expect(take(0)).rejects.toThrow(errorWith({ name: 'SlotsTaken' }));
    await first.free();
    const third = await take(0);
    expect(third.number).toBe(0);
    // The second one renews no more; the third one goes on.
    store.refused.add('shop!once#kafka-slot#1');
    const heir = await take(10_000);
    expect(heir.number).toBe(1);
    expect(lost).toHaveBeenCalledWith(expect.objectContaining({ name: 'SlotLost', slot: 1 }));
    await Promise.all([second.free(), third.free(), heir.free()]);
  });
});

describe('log lines', () => {
  it('hold figures, and nothing of what a record or an error says', () => {
    const lines: object[] = [];
    const log = logProcessorEvents('shop', (line) => lines.push(line));
    log({ kind: 'committed', messages: 3, sent: 6, ms: 1 });
    log({ kind: 'committed', messages: 2, sent: 2, ms: 1 });
    // Told every 5 s, written once a minute.
    for (const records of [7, 8, 9]) log({ kind: 'lag', records });
    log({
      kind: 'failed',
      topic: 't',
      partition: 0,
      offset: '1',
      failures: 1,
      waitMs: 9,
      error: new Error('secret'),
    });
    log({ kind: 'aborted', messages: 1, inARow: 1, error: new OffsetMissing('shop', 't', 0, 'why') });
    log({ kind: 'stopped' });
    expect(lines).toMatchObject([
      { exactlyOnce: 'kafka-processor', consumerName: 'shop', kind: 'lag', records: 7 },
      { kind: 'failed', error: 'Error' },
      { kind: 'aborted', error: 'OffsetMissing', because: expect.stringContaining('why') },
      { kind: 'committed', transactions: 2, messages: 5, sent: 8 },
      { kind: 'stopped' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });
});
