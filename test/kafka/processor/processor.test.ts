import { setTimeout as sleep } from 'node:timers/promises';
import { describeWithKafka } from './with-kafka.js';
import { until, World } from './world.js';

/** Short, so that the group notices a dead member before the test's patience ends. */
const quick = { sessionTimeoutMs: 2_000, commitIntervalMs: 50 };

let names = 0;
/** Fresh names: a group, a topic to read, one to write. */
function fresh(): { consumerName: string; input: string; output: string; letters: string } {
  names += 1;
  return {
    consumerName: `group-${names}`,
    input: `in-${names}`,
    output: `out-${names}`,
    letters: `letters-${names}`,
  };
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function endsSoon({ ended }: { readonly ended: Promise<void> }): Promise<boolean> {
  return Promise.race([ended.then(() => true), sleep(30_000, false, { ref: false })]);
}

describeWithKafka(__filename)('a Kafka processor', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  }, 180_000);
  afterAll(() => world.close());

  it('writes poison to the dead-letter topic with the reason, tries again what failed, and keeps the order', async () => {
    const { consumerName, input, output, letters } = fresh();
    await world.createTopics([input, output, letters], 1);
    const values = ['a', 'flaky-1', 'b', 'reject-1', 'c', 'poison-1', 'd'];
    await world.produce(input, values);
    const worker = world.work({
      ...quick,
      consumerName,
      slot: 0,
      topics: [input],
      outputs: [output],
      deadLetterTopic: letters,
      start: 'earliest',
      maxFailures: 3,
      retryDelayMs: 50,
    });
    await until('all committed', async () => (await world.done(consumerName, input)) === values.length);
    worker.signal('SIGTERM');
    await worker.ended;

    expect(worker.error).toBeUndefined();
    expect(await world.broker.values(output, 5)).toEqual(['a', 'flaky-1', 'b', 'c', 'd']);
    expect(await world.broker.values(letters, 2)).toEqual(['reject-1', 'poison-1']);
    expect(worker.lines.filter(({ kind }) => kind === 'dead-lettered')).toMatchObject([
      { offset: '3', failures: 1, error: 'RejectMessage: this record is planted' },
      { offset: '5', failures: 3, error: 'Error: this record is planted, too' },
    ]);
  });

  it('reads a partition on that was paused when the group was divided anew', async () => {
    const { consumerName, input, output } = fresh();
    await world.createTopics([input, output], 1);
    const values = ['a', 'flaky-1', 'b'];
    await world.produce(input, values);
    // So long that no second try comes before the group is divided anew.
    const patient = { retryDelayMs: 600_000, maxRetryDelayMs: 600_000 };
    const order = { ...quick, ...patient, consumerName, topics: [input], outputs: [output] };
    const paused = world.work({ ...order, slot: 0, start: 'earliest' });
    await paused.line('failed');
    const other = world.work({ ...order, slot: 1 });
    await other.line('assigned');
    other.signal('SIGTERM');
    await other.ended;
    await until('all committed', async () => (await world.done(consumerName, input)) === values.length);
    paused.signal('SIGTERM');
    await paused.ended;
    expect(paused.sum('committed', 'messages')).toBeGreaterThanOrEqual(2);
  }, 150_000);

  it('ends at poison when no dead-letter topic is set, and skips nothing', async () => {
    const { consumerName, input, output } = fresh();
    await world.createTopics([input, output], 1);
    await world.produce(input, ['a', 'reject-1', 'b']);
    const order = { ...quick, consumerName, slot: 0, topics: [input], outputs: [output] };
    const worker = world.work({ ...order, start: 'earliest' });
    await worker.ended;

    expect(worker.error).toBe('PoisonRecord');
    expect(await world.done(consumerName, input)).toBeLessThanOrEqual(1);
  });

  it('ends at its start when a topic that it is to read is not there: without a partition nobody would tell', async () => {
    const { consumerName, input, output } = fresh();
    await world.createTopics([input, output], 1);
    const order = { ...quick, consumerName, slot: 0, outputs: [output] };
    const worker = world.work({ ...order, topics: [input, 'misspelt'], start: 'earliest' });

    expect(await endsSoon(worker)).toBe(true);
    expect(worker.error).toBe('OffsetMissing');
  });

  it('keeps no process alive when only some of its clients came to be', async () => {
    const { consumerName, input, output } = fresh();
    await world.createTopics([input, output], 1);
    const order = { ...quick, consumerName, slot: 0, topics: [input], outputs: [output] };
    // The client takes an hour at most, and says so of its consumer.
    const worker = world.work({ ...order, sessionTimeoutMs: 4_000_000, endsByItself: true });
    const ended = await endsSoon(worker);

    expect(worker.lines).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('session.timeout.ms') as string }),
    );
    expect(ended).toBe(true);
  });

  it('does not guess where a new group begins; a start that was stated holds once, later partitions from their first record', async () => {
    const { consumerName, input, output } = fresh();
    await world.createTopics([input, output], 1);
    await world.produce(input, numbered('old-', 10));
    const order = { ...quick, consumerName, slot: 0, topics: [input], outputs: [output] };
    const unstated = world.work(order);
    await unstated.ended;
    expect(unstated.error).toBe('OffsetMissing');

    const first = world.work({ ...order, start: 'latest' });
    await first.line('assigned');
    first.signal('SIGKILL');
    await first.ended;
    // Nobody runs while these come: "latest" was decided before.
    await world.produce(input, numbered('new-', 10));
    await world.addPartitions(input, 2);
    await until('the new partition takes records', async () => {
      await world.produce(input, numbered('more-', 1));
      return true;
    });
    await world.produce(input, numbered('later-', 20));
    const second = world.work(order);
    await until('all committed', async () => (await world.done(consumerName, input)) === 41);
    second.signal('SIGTERM');
    await second.ended;

    expect((await world.broker.values(output, 30)).sort()).toEqual(
      [...numbered('new-', 10), 'more-0', ...numbered('later-', 20)].sort(),
    );
  });

  it('reads nothing before its start is committed: a broker that does not answer then moves no "latest"', async () => {
    const { consumerName, input, output } = fresh();
    await world.createTopics([input, output], 1);
    await world.produce(input, numbered('old-', 10));
    const order = { ...quick, consumerName, slot: 0, topics: [input], outputs: [output] };
    const first = world.work({ ...order, start: 'latest', offsetsFail: 2 });
    await first.line('assigned');
    first.signal('SIGKILL');
    await first.ended;
    await world.produce(input, numbered('new-', 10));
    const second = world.work({ ...order, start: 'latest' });
    expect(await second.line('assigned')).toMatchObject({ partitions: [{ offset: 10 }] });
    await world.produce(input, numbered('later-', 10));
    await until('all committed', async () => (await world.done(consumerName, input)) === 30);
    second.signal('SIGTERM');
    await second.ended;

    expect(first.lines.filter(({ kind }) => kind === 'aborted').length).toBeGreaterThan(0);
    expect(await world.broker.values(output, 20)).toEqual([
      ...numbered('new-', 10),
      ...numbered('later-', 10),
    ]);
  });

  it('refuses a zombie that was frozen before its offsets and thawed after the rebalance', async () => {
    const { consumerName, input, output } = fresh();
    await world.createTopics([input, output]);
    await world.produce(input, numbered('v', 500));
    const order = { ...quick, consumerName, topics: [input], outputs: [output], start: 'earliest' } as const;
    // Long, so that it is the group that refuses it, not the end of its transaction's time.
    const zombie = world.work({
      ...order,
      slot: 0,
      transactionTimeoutMs: 60_000,
      at: { point: 'after-produce', times: 1, signal: 'SIGSTOP' },
    });
    await zombie.line('at');
    const heir = world.work({ ...order, slot: 1 });
    await until('the heir is done', async () => (await world.done(consumerName, input)) === 500);
    zombie.signal('SIGCONT');
    const { error, messages } = await zombie.line('aborted');
    for (const worker of [zombie, heir]) worker.signal('SIGTERM');
    await Promise.all([zombie.ended, heir.ended]);

    // 22: illegal generation, 25: unknown member.
    expect(String(error)).toMatch(/sendOffsetsToTransaction: (22|25):/);
    expect(messages).toBeGreaterThan(0);
    expect((await world.broker.values(output, 500)).sort()).toEqual(numbered('v', 500).sort());
  });

  it('is fenced when another process has its slot, which ends its transaction at once, and leaves nothing', async () => {
    const { consumerName, input, output } = fresh();
    await world.createTopics([input, output], 1);
    await world.produce(input, numbered('v', 50));
    const order = {
      ...quick,
      consumerName,
      slot: 0,
      topics: [input],
      outputs: [output],
      start: 'earliest',
      // Left open, the transaction would hold every reader back for longer than this test may last.
      transactionTimeoutMs: 800_000,
    } as const;
    const first = world.work({ ...order, at: { point: 'after-offsets', times: 1, signal: 'SIGSTOP' } });
    await first.line('at');
    const second = world.work(order);
    await until('the second is done', async () => (await world.done(consumerName, input)) === 50);
    // Read while the first one is still frozen: only the second can have ended its transaction.
    const read = await world.broker.values(output, 50);
    first.signal('SIGCONT');
    await first.ended;
    second.signal('SIGTERM');
    await second.ended;

    expect(read).toEqual(numbered('v', 50));
    expect(first.error).toBe('ProcessorFenced');
    expect(await world.broker.values(output, 50)).toEqual(numbered('v', 50));
  });

  it('tells its lag up to the last stable offset: records of a transaction that hangs are nothing to be read', async () => {
    const { consumerName, input, output: middle, letters: output } = fresh();
    await world.createTopics([input, middle, output], 1);
    await world.produce(middle, ['a', 'poison-1', 'b', 'c']);
    await world.produce(input, numbered('v', 100));
    const hung = world.work({
      ...{ ...quick, consumerName: `${consumerName}-hung`, slot: 0, topics: [input], outputs: [middle] },
      start: 'earliest',
      transactionTimeoutMs: 800_000,
      at: { point: 'after-offsets', times: 1, signal: 'SIGSTOP' },
    });
    await hung.line('at');
    const order = { ...quick, consumerName, slot: 0, topics: [middle], outputs: [output] };
    const behind = { ...order, start: 'earliest', maxFailures: 1_000, retryDelayMs: 1_000 } as const;
    const worker = world.work(behind);
    const lags = () =>
      worker.lines.filter(({ kind }) => kind === 'lag').map(({ records }) => Number(records));
    // 'a' is done: 'poison-1' and what is behind it is not, and the hundred are in the log already.
    await until('the lag is told', () => lags().includes(3));
    expect(Math.max(...lags())).toBeLessThanOrEqual(4);
    hung.signal('SIGCONT');
    // With the mark of their transaction.
    await until('they are there to be read', () => lags().includes(104));
    for (const each of [hung, worker]) each.signal('SIGTERM');
    await Promise.all([hung.ended, worker.ended]);
  });

  it.each(['while it runs', 'while it is stopped'])(
    'loses nothing of a topic created anew %s',
    async (when) => {
      const { consumerName, input, output } = fresh();
      await world.createTopics([input, output], 2);
      await world.produce(input, numbered('old-', 100));
      const order = { ...quick, consumerName, slot: 0, topics: [input], outputs: [output] };
      const first = world.work({ ...order, start: 'earliest' });
      await until('the old topic is done', async () => (await world.done(consumerName, input)) === 100);
      if (when === 'while it is stopped') first.signal('SIGTERM');
      if (when === 'while it is stopped') await first.ended;
      await world.deleteTopic(input);
      await sleep(2_000);
      await world.createTopics([input], 2);
      // More than before: at the old offsets there are records again.
      await world.produce(input, numbered('new-', 400));
      await first.ended;
      if (when === 'while it runs')
        expect(['TopicRecreated', 'OffsetMissing', 'KafkaFailed']).toContain(first.error);

      const unstated = world.work(order);
      await unstated.ended;
      expect(['TopicRecreated', 'OffsetMissing']).toContain(unstated.error);
      const second = world.work({ ...order, start: 'earliest' });
      await until('the new topic is done', async () => (await world.done(consumerName, input)) === 400);
      second.signal('SIGTERM');
      await second.ended;
      expect((await world.broker.values(output, 500)).sort()).toEqual(
        [...numbered('old-', 100), ...numbered('new-', 400)].sort(),
      );
    },
  );
});
