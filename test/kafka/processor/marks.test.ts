import { describeWithKafka } from './with-kafka.js';
import { until, World } from './world.js';

/**
 * Offsets that are no records: marks of transactions, and what was aborted. Whoever reads what another processor
 * wrote has some at the end of every partition. They must count neither as unread nor as lost.
 */
describeWithKafka(__filename)('what is written in transactions and is no record', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  }, 180_000);
  afterAll(() => world.close());

  const numbered = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const quick = { sessionTimeoutMs: 2_000, commitIntervalMs: 50, slot: 0, start: 'earliest' } as const;

  it('is no lag, and its end by retention is no missing offset, while it runs and at the next start', async () => {
    const [input, middle, output] = ['marks-in', 'marks-middle', 'marks-out'];
    await world.createTopics([input, middle, output], 1);
    const before = world.work({ ...quick, consumerName: 'marks-a', topics: [input], outputs: [middle] });
    const order = { ...quick, consumerName: 'marks-b', topics: [middle], outputs: [output] };
    const behind = world.work(order);
    const handled = async (values: number) =>
      until(`${values} are through`, () => {
        for (const { error, lines } of [before, behind])
          if (error !== undefined) throw new Error(JSON.stringify(lines));
        return behind.sum('committed', 'messages') === values;
      });
    await world.produce(input, numbered('v', 20));
    await handled(20);
    const lags = () => behind.lines.filter(({ kind }) => kind === 'lag');
    await until('nothing is left to be read', () => lags().at(-1)?.records === 0, 30_000);
    await world.deleteRecords(middle);
    const told = lags().length;
    // Twice it has looked whether retention has overtaken it.
    await until('it has looked', () => behind.isOver || lags().length >= told + 2, 30_000);
    behind.signal('SIGTERM');
    await behind.ended;
    expect(behind.error).toBeUndefined();

    const next = world.work(order);
    await world.produce(input, numbered('w', 20));
    await until('the rest is through', () => next.isOver || next.sum('committed', 'messages') === 20);
    for (const worker of [before, next]) worker.signal('SIGTERM');
    await Promise.all([before.ended, next.ended]);
    expect(next.error).toBeUndefined();
    expect(await world.broker.values(output, 40)).toEqual([...numbered('v', 20), ...numbered('w', 20)]);
  }, 150_000);

  it('does not take what only waits for read when it is told to stop', async () => {
    const [input, middle, output] = ['waits-in', 'waits-middle', 'waits-out'];
    await world.createTopics([input, middle, output], 1);
    const before = world.work({ ...quick, consumerName: 'waits-a', topics: [input], outputs: [middle] });
    await world.produce(input, ['a', 'flaky-1', 'b', 'c'], numbered('k', 4));
    await until('it is written', () => before.sum('committed', 'messages') === 4);
    const order = { ...quick, consumerName: 'waits-b', topics: [middle], outputs: [output] };
    // The second has failed once: it waits for long, and the rest behind it.
    const stopped = world.work({ ...order, retryDelayMs: 600_000, maxRetryDelayMs: 600_000 });
    await stopped.line('failed');
    await until('the first is through', () => stopped.sum('committed', 'messages') === 1);
    await stopped.line('lag');
    stopped.signal('SIGTERM');
    await stopped.ended;
    expect(stopped.error).toBeUndefined();

    const next = world.work({ ...order, retryDelayMs: 50 });
    await until('the rest is through', () => next.sum('committed', 'messages') === 3);
    for (const worker of [before, next]) worker.signal('SIGTERM');
    await Promise.all([before.ended, next.ended]);
    expect(await world.broker.values(output, 4)).toEqual(['a', 'flaky-1', 'b', 'c']);
  }, 150_000);
});
