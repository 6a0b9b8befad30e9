import * as z from 'zod/mini';
import { table, type Transaction } from '../../runtime/dynamodb/index.js';
import {
  base64,
  deadLetterAttribute,
  ignore,
  kafkaConsumer,
  kafkaConsumerSettings,
  kafkaOriginAttribute,
  type BatchSummary,
  type DeadLetter,
  type KafkaConsumerOptions,
  type KafkaOrigin,
} from '../../runtime/kafka/index.js';
import { KafkaWorld, type KafkaHabitat, type KafkaWorldOptions } from './kafka-world.js';
import { json, text } from './records.js';

const effects = table({ name: KafkaWorld.effects, partitionKey: 'name' });
const Body = z.object({ id: z.string(), fails: z.optional(z.boolean()), kills: z.optional(z.boolean()) });
type Body = z.infer<typeof Body>;

interface Given extends Omit<KafkaWorldOptions, 'consumer'> {
  readonly options?: Partial<KafkaConsumerOptions<typeof Body>>;
  readonly maxFailures?: number;
  readonly fails?: (body: Body) => boolean;
}

/** A world whose consumer counts each record, and all of them. */
function worldOf({ options, maxFailures = 3, fails, ...rest }: Given = {}): KafkaWorld {
  const reports = rest.mapping?.reportsBatchItemFailures ?? true;
  return new KafkaWorld({
    ...rest,
    consumer: ({ dynamodb, sqs, deadLetterQueueUrl, die, isDead }: KafkaHabitat) =>
      kafkaConsumer({
        settings: {
          consumerName: 'counter',
          dedupTable: KafkaWorld.receipts,
          receiptRetentionSeconds: 3600,
          deadLetterQueueUrl,
          maxFailures,
          reportsItemFailures: reports,
        },
        schema: Body,
        key: ({ body }: { body: Body }) => body.id,
        handle: ({ body }: { body: Body }, tx: Transaction) => {
          if (isDead() || body.kills === true) throw die();
          if (body.fails === true || fails?.(body) === true) throw new Error('it fails');
          tx.update(effects, { name: 'all' }, { add: { value: 1 } });
          tx.update(effects, { name: body.id }, { add: { value: 1 } });
        },
        dynamodb,
        sqs,
        observe: () => undefined,
        ...options,
      } as KafkaConsumerOptions<typeof Body>),
  });
}

const byPosition = (topicId: string) => ({ key: 'position' as const, topicIds: { purchases: topicId } });
const lettersOf = (world: KafkaWorld) =>
  world.letters().map(({ body, attributes }) => ({
    body,
    attributes,
    letter: JSON.parse(attributes[deadLetterAttribute] ?? '{}') as Partial<DeadLetter>,
    origin: JSON.parse(attributes[kafkaOriginAttribute] ?? '{}') as KafkaOrigin,
  }));

let quiet: jest.SpyInstance;
beforeAll(() => (quiet = jest.spyOn(process.stdout, 'write').mockReturnValue(true)));
afterAll(async () => {
  await KafkaWorld.deadAreGone();
  quiet.mockRestore();
});

test('what comes again is told by partition and offset, with all that is behind it in its partition', async () => {
  const world = worldOf({ partitions: 2, maxFailures: 9 });
  for (let i = 0; i < 3; i += 1) {
    world.log.put(json({ id: `a${i}`, fails: i === 1 }), { partition: 0, gap: 4 });
    world.log.put(json({ id: `b${i}` }), { partition: 1 });
  }
  const records = [...(await world.log.read(0, 0, 9)), ...(await world.log.read(1, 0, 9))];
  const { payload } = await world.invoke(records);
  expect(JSON.parse(payload)).toEqual({
    batchItemFailures: [9, 14].map((offset) => ({ itemIdentifier: { partition: 'purchases-0', offset } })),
  });
  expect([world.count('a0'), world.count('all')]).toEqual([1, 4]);
});

test('with the order of keys, a record that comes again holds back those of its key alone', async () => {
  const world = worldOf({ options: { order: 'key' }, maxFailures: 9 });
  world.log.put(json({ id: 'k1-0', fails: true }, 'k1'));
  world.log.put(json({ id: 'k2-0' }, 'k2'));
  world.log.put(json({ id: 'k1-1' }, 'k1'));
  world.log.put(json({ id: 'none' }));
  const { payload } = await world.invoke(await world.log.read(0, 0, 9));
  expect(JSON.parse(payload)).toEqual({
    batchItemFailures: [0, 2].map((offset) => ({ itemIdentifier: { partition: 'purchases-0', offset } })),
  });
  expect(world.count('all')).toBe(2);
});

test('a batch that is handed back behind one record that fails costs one write for all that waited', async () => {
  const world = worldOf({ maxFailures: 9 });
  for (let i = 0; i < 100; i += 1) world.log.put(json({ id: `r${i}`, fails: i === 0 }));
  await world.invoke(await world.log.read(0, 0, 100));
  // What failed has a history of its own; the count is written before the batch and after it.
  expect(Object.fromEntries(world.calls)).toMatchObject({ UpdateItemCommand: 1, PutItemCommand: 2 });
});

test('a mapping without partial responses has the whole batch again: what is committed does not act twice', async () => {
  const world = worldOf({
    mapping: { provisionedPollers: undefined, reportsBatchItemFailures: false },
    maxFailures: 3,
  });
  for (let i = 0; i < 5; i += 1) world.log.put(json({ id: `r${i}`, fails: i === 2 }));
  await world.run();
  expect(world.errors).toEqual(['BatchComesAgain', 'BatchComesAgain']);
  expect(world.count('all')).toBe(4);
  expect(lettersOf(world).map(({ body, letter }) => [JSON.parse(body) as unknown, letter.kind])).toEqual([
    [{ id: 'r2', fails: true }, 'failed'],
  ]);
});

test.each([true, false])(
  'R46: of a batch with a record that kills its process only that one is a dead letter (partial responses: %s)',
  async (reports) => {
    for (let killer = 0; killer < 8; killer += 1) {
      const world = worldOf({
        mapping: {
          reportsBatchItemFailures: reports,
          provisionedPollers: reports ? 1 : undefined,
          bisectsOnError: reports && killer % 2 === 1,
        },
        maxFailures: 1 + (killer % 3),
        options: { order: killer % 4 < 2 ? 'partition' : 'key' },
      });
      for (let i = 0; i < 8; i += 1)
        world.log.put(json({ id: `r${i}`, kills: i === killer }, i % 3 === 0 ? undefined : `k${i % 3}`));
      await world.run();
      expect(
        lettersOf(world).map(({ body, letter }) => [(JSON.parse(body) as Body).id, letter.kind]),
      ).toEqual([[`r${killer}`, 'died']]);
      expect(world.count('all')).toBe(7);
    }
  },
);

test('a record of any nature finds its way into a dead letter: reason, place, key, headers, bytes', async () => {
  const world = worldOf();
  world.log.put({
    key: Uint8Array.of(0xff, 0),
    value: Uint8Array.of(0xc3, 0x28),
    headers: [
      ['trace', Buffer.from('t-1')],
      ['not a name', Buffer.from('x')],
      ['ExactlyOnceResume', Buffer.from('no')],
      ['raw', Uint8Array.of(0xff)],
    ],
  });
  world.log.put(text('{"id": "\u0000"'), { gap: 3 });
  world.log.put({ key: Buffer.from('k'), value: null });
  world.log.put(text(''));
  world.log.put(json({ id: 'big', fails: true, filler: 'x'.repeat(2 * 1024 * 1024) }));
  world.log.put(json({ id: 'good' }));
  await world.run();
  const letters = lettersOf(world);
  expect(world.count('all')).toBe(1);
  expect(letters.map(({ origin }) => [origin.offset, origin.body])).toEqual([
    [0, 'base64'],
    [4, 'base64'],
    [5, 'tombstone'],
    [6, 'base64'],
    [7, 'text'],
  ]);
  const [first, second, tombstone, , big] = letters;
  expect(Buffer.from(first?.body ?? '', 'base64')).toEqual(Buffer.of(0xc3, 0x28));
  expect(first?.origin.key).toBe(Buffer.of(0xff, 0).toString('base64'));
  expect(first?.origin.headers).toContainEqual(['raw', '/w==']);
  expect(Object.keys(first?.attributes ?? {}).sort()).toEqual([
    deadLetterAttribute,
    kafkaOriginAttribute,
    'trace',
  ]);
  expect(first?.letter).toMatchObject({ kind: 'rejected', consumerName: 'counter', sequence: '0' });
  expect(Buffer.from(second?.body ?? '', 'base64').toString()).toBe('{"id": "\u0000"');
  expect(tombstone?.body).toBe('null');
  // SQS takes 1 MiB: the body is in rows of the dedup table.
  expect(big?.letter).toMatchObject({ kind: 'failed', key: 'big', stored: expect.any(String) as string });
});

test('a header whose name holds what SQS refuses does not hold its partition: the letter keeps it', async () => {
  const world = worldOf();
  world.log.put({ ...text('no JSON'), headers: [['odd \uffff\u0000 name', Buffer.from('x')]] });
  world.log.put(json({ id: 'good' }));
  await world.run(20);
  expect(world.count('good')).toBe(1);
  expect(lettersOf(world).map(({ body, origin }) => [body, origin.headers])).toEqual([
    ['no JSON', [['odd \uffff\u0000 name', Buffer.from('x').toString('base64')]]],
  ]);
});

test.each(['partition', 'key'] as const)(
  'a record key longer than any key of DynamoDB holds nobody when its record comes again (order: %s)',
  async (order) => {
    let failures = 0;
    const world = worldOf({ options: { order }, fails: ({ id }) => id === 'long' && (failures += 1) <= 2 });
    world.log.put(json({ id: 'long' }, 'k'.repeat(3_000)));
    world.log.put(json({ id: 'good' }, 'short'));
    await world.run(20);
    expect([world.count('long'), world.count('all'), lettersOf(world)]).toEqual([1, 2, []]);
  },
);

test.each([
  ['a clock that is a day ahead', Date.now() + 86_400_000],
  ['microseconds', Date.now() * 1_000],
])(
  'R8: the time of a record is never later than now, or its letter stays young: %s',
  async (_, timestamp) => {
    const world = worldOf();
    world.log.put(text('no JSON'), { timestamp });
    await world.run(20);
    const [one] = lettersOf(world);
    expect(Date.parse(one?.letter.firstEnqueue ?? '')).toBeLessThanOrEqual(Date.now());
    // What the record says of itself is kept as it is.
    expect(one?.origin.timestamp).toBe(timestamp);
  },
);

test('a tombstone is null: a schema may take it, a decoder may ignore it', async () => {
  const world = worldOf({
    options: { decode: (value) => (value === 'null' ? ignore('a tombstone') : value) },
  });
  world.log.put({ key: Buffer.from('k'), value: null });
  world.log.put(json({ id: 'good' }));
  await world.run();
  expect([world.count('all'), lettersOf(world)]).toEqual([1, []]);
});

test('values that are bytes go through decoders', async () => {
  const world = worldOf({
    options: {
      value: 'base64',
      decode: [
        base64(),
        (_text, { bytes }) => Buffer.from((bytes ?? Uint8Array.of()).map((byte) => byte ^ 0xff)),
      ],
    },
  });
  world.log.put({
    key: null,
    value: Buffer.from(JSON.stringify({ id: 'masked' })).map((byte) => byte ^ 0xff),
  });
  await world.run();
  expect(world.count('masked')).toBe(1);
});

describe('a variable that says whether the mapping takes partial responses', () => {
  const environment = {
    EXACTLY_ONCE_CONSUMER_NAME: 'counter',
    EXACTLY_ONCE_DEDUP_TABLE: KafkaWorld.receipts,
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600',
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: 'https://queue',
  };
  const settingsOf = (EXACTLY_ONCE_REPORTS_ITEM_FAILURES?: string) =>
    kafkaConsumerSettings({ ...environment, EXACTLY_ONCE_REPORTS_ITEM_FAILURES });

  test.each(['false', '', undefined])('is no yes as %j: what failed once is not lost', async (said) => {
    let failures = 0;
    const world = worldOf({
      mapping: { provisionedPollers: undefined, reportsBatchItemFailures: false },
      options: { settings: settingsOf(said) },
      // Once ahead of its turn, where it is no verdict, and once in it.
      fails: ({ id }) => id === 'r1' && (failures += 1) <= 2,
    });
    for (let i = 0; i < 3; i += 1) world.log.put(json({ id: `r${i}` }));
    await world.run();
    expect([world.count('r1'), world.count('all')]).toEqual([1, 3]);
    expect(world.errors).toEqual(['BatchComesAgain']);
  });

  test('is refused when it is neither yes nor no', () => {
    expect(settingsOf('true')).toMatchObject({ reportsItemFailures: true });
    expect(() => settingsOf('no')).toThrow("must be true or false, got 'no'");
  });
});

describe('a topic is deleted and made again under its name', () => {
  const fill = (world: KafkaWorld, name: string) => {
    for (let i = 0; i < 5; i += 1) world.log.put(json({ id: name }), { timestamp: Date.now() + i });
  };

  test('R2: with its new id every record acts, whatever offsets were seen before', async () => {
    const positioned = worldOf({ options: byPosition('first') });
    fill(positioned, 'same');
    await positioned.run();
    expect(positioned.count('all')).toBe(5);
    const next = renewed(positioned, 'second');
    // The same values at the same offsets.
    fill(next, 'same');
    await next.run();
    expect(next.count('all')).toBe(10);
  });

  test('R2: with the old id nothing acts and nothing is lost: TopicRecreated until the id is right', async () => {
    const world = worldOf({ options: byPosition('first') });
    fill(world, 'same');
    await world.run();
    const told: string[] = [];
    const wrong = renewed(world, 'first', undefined, ({ problems }) =>
      told.push(...problems.map(({ error }) => (error as Error).name)),
    );
    fill(wrong, 'same');
    await expect(wrong.run(20)).rejects.toThrow('records are left');
    expect(wrong.count('all')).toBe(5);
    expect(lettersOf(wrong)).toEqual([]);
    expect(new Set(told)).toEqual(new Set(['TopicRecreated']));
    const right = renewed(world, 'second', wrong);
    await right.run();
    expect(right.count('all')).toBe(10);
  });

  const unknown: Record<string, string>[] = [{ other: 'id' }, { purchases: '' }];
  test.each(unknown)('a topic without an id is held: %j', async (topicIds) => {
    const world = worldOf({ options: { key: 'position', topicIds } });
    fill(world, 'x');
    await expect(world.run(10)).rejects.toThrow('records are left');
    expect([world.count('all'), lettersOf(world)]).toEqual([0, []]);
  });

  /** The topic anew, over the same tables. */
  function renewed(
    before: KafkaWorld,
    topicId: string,
    log?: KafkaWorld,
    observe: (summary: BatchSummary) => void = () => undefined,
  ): KafkaWorld {
    const world = worldOf({ options: { ...byPosition(topicId), observe }, tables: before.dynamo });
    if (log !== undefined) world.log = log.log;
    return world;
  }
});

test('a zombie that goes on after its time changes nothing of what was done meanwhile', async () => {
  for (let at = 0; at < 5; at += 1) {
    let first = true;
    const world = worldOf({
      options: byPosition('id'),
      fate: () => {
        const fate = first ? ({ kind: 'zombie', at, after: 2 } as const) : ({ kind: 'fine' } as const);
        first = false;
        return fate;
      },
      mapping: { batchSize: 4 },
    });
    for (let i = 0; i < 12; i += 1) world.log.put(json({ id: `r${i}` }));
    await world.run();
    expect(world.count('all')).toBe(12);
    expect(lettersOf(world)).toEqual([]);
  }
});

test('a poison record does not hold its partition for ever, and those behind it keep their order', async () => {
  const seen: string[] = [];
  const world = worldOf({
    options: {
      handle: ({ body }, tx) => {
        if (body.fails === true) throw new Error('it fails');
        seen.push(body.id);
        tx.update(effects, { name: 'all' }, { add: { value: 1 } });
      },
    },
    mapping: { batchSize: 3 },
  });
  for (let i = 0; i < 9; i += 1) world.log.put(json({ id: `r${i}`, fails: i === 4 }));
  await world.run();
  expect(seen).toEqual([...seen].sort());
  expect(new Set(seen).size).toBe(8);
  expect(world.count('all')).toBe(8);
  expect(lettersOf(world).map(({ letter }) => [letter.key, letter.attempts, letter.sequence])).toEqual([
    ['r4', 3, '4'],
  ]);
});
