import { describeWithKafka } from './with-kafka.js';
import type { Elsewhere } from './order.js';
import { until, World } from './world.js';

/**
 * A record that cannot be written where the handler sends it fails the transaction of all that are in it. It must be
 * its own message's trouble: the others are written once, and so is the letter.
 */
describeWithKafka(__filename)('a record that cannot be written', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  }, 180_000);
  afterAll(() => world.close());

  const elsewhere = (order: Elsewhere) => `elsewhere ${JSON.stringify(order)}`;
  const numbered = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);

  /** Topics and an order for a group of their own. */
  async function prepared(name: string, partitions = 2) {
    const [input, output, letters, other] = [`${name}-in`, `${name}-out`, `${name}-letters`, `${name}-other`];
    await world.createTopics([input, output, letters], partitions);
    const order = {
      consumerName: name,
      slot: 0,
      topics: [input],
      outputs: [output],
      deadLetterTopic: letters,
      start: 'earliest',
      sessionTimeoutMs: 2_000,
      commitIntervalMs: 300,
      retryDelayMs: 200,
      // Above all that a test writes, so that everything is in one transaction.
      maxBatch: 1_000,
    } as const;
    return { input, output, letters, other, order };
  }

  it.each<[string, Omit<Elsewhere, 'topic'>, Readonly<Record<string, string>>, RegExp]>([
    [
      'is larger than its topic takes',
      { bytes: 5_000 },
      { 'max.message.bytes': '1000' },
      /RecordRefused: .*\b10: /,
    ],
    [
      'has no key where the topic is compacted',
      { bytes: 5 },
      { 'cleanup.policy': 'compact' },
      /RecordRefused: .*\b87: /,
    ],
    [
      'is for a partition that the topic lacks',
      { bytes: 5, partition: 9 },
      {},
      /RejectMessage: .*partition 9 .*has 2/,
    ],
  ])(
    'becomes a letter when it %s, and everything else is written once',
    async (what, record, config, reason) => {
      const { input, output, letters, other, order } = await prepared(what.replaceAll(' ', '-').slice(0, 30));
      await world.createTopics([other], 2, config);
      const poison = elsewhere({ topic: other, ...record });
      const good = [...numbered('v', 100), elsewhere({ topic: other, bytes: 5, key: 'k', partition: 1 })];
      const values = [...good.slice(0, 60), poison, ...good.slice(60)];
      await world.produce(input, values);
      const worker = world.work(order);
      await until(
        'all committed',
        async () => (await world.done(order.consumerName, input)) === values.length,
      );
      worker.signal('SIGTERM');
      await worker.ended;

      expect(worker.error).toBeUndefined();
      expect((await world.broker.values(output, good.length)).sort()).toEqual([...good].sort());
      expect(await world.broker.values(letters)).toEqual([poison]);
      expect(await world.broker.values(other)).toEqual(['xxxxx']);
      const told = worker.lines.filter(({ kind }) => kind === 'dead-lettered');
      expect(told).toHaveLength(1);
      expect(told[0]?.error).toMatch(reason);
    },
  );

  it('ends the processor when no dead-letter topic is set, and nothing of its message is seen', async () => {
    const { input, output, other, order } = await prepared('no-letters', 1);
    await world.createTopics([other], 1, { 'max.message.bytes': '1000' });
    await world.produce(input, ['a', elsewhere({ topic: other, bytes: 5_000 }), 'b']);
    const worker = world.work({ ...order, deadLetterTopic: undefined });
    await worker.ended;

    expect(worker.error).toBe('PoisonRecord');
    expect(await world.broker.values(output)).toEqual(['a']);
  });

  it('waits alone for a topic that is not there yet, and says which', async () => {
    const { input, output, letters, other, order } = await prepared('waits');
    const late = elsewhere({ topic: other, bytes: 5 });
    await world.produce(input, [late], ['same']);
    const worker = world.work(order);
    const failed = await worker.line('failed');
    expect(failed).toMatchObject({ failures: 0, error: expect.stringContaining(`'${other}'`) as string });
    const rest = numbered('v', 50);
    await world.produce(input, rest);
    await until('the other partition is done', () => worker.sum('committed', 'messages') > 0);
    await world.createTopics([other], 1);
    await until('all committed', async () => (await world.done(order.consumerName, input)) === 51);
    worker.signal('SIGTERM');
    await worker.ended;

    expect(worker.error).toBeUndefined();
    expect((await world.broker.values(output, 51)).sort()).toEqual([late, ...rest].sort());
    expect(await world.broker.values(other)).toEqual(['xxxxx']);
    expect(await world.broker.values(letters, 0)).toEqual([]);
  });

  it('is told at the start when it is the dead-letter topic that is not there', async () => {
    const { order } = await prepared('nowhere', 1);
    const worker = world.work({ ...order, deadLetterTopic: 'nowhere-at-all' });
    await worker.ended;

    expect(worker.error).toBe('DestinationMissing');
  });
});
