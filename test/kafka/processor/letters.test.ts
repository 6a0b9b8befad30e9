import { describeWithKafka } from './with-kafka.js';
import { until, World } from './world.js';

/** Whatever a record looks like: when it is given up, its letter can be sent, or everything stands still (R51). */
describeWithKafka(__filename)('a letter of a record', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  }, 180_000);
  afterAll(() => world.close());

  const order = (name: string) => ({
    consumerName: name,
    slot: 0,
    topics: [`${name}-in`],
    outputs: [`${name}-out`],
    deadLetterTopic: `${name}-letters`,
    start: 'earliest' as const,
    sessionTimeoutMs: 2_000,
    commitIntervalMs: 50,
    maxAborts: 3,
  });

  it.each<[string, string | null, [name: string, value: string][], RegExp]>([
    // As large as the client takes it: there is no room for the reason.
    [
      'is a tombstone with large headers',
      null,
      [['large', 'x'.repeat(999_900)]],
      /exactly-once-value:omitted\tnull$/,
    ],
    [
      'was a letter before',
      'reject-1',
      [
        ['other', 'y'],
        ['exactly-once-reason', 'an earlier one'],
      ],
      /^other:y,exactly-once-reason:(?!an earlier)(?!.*an earlier).*\treject-1$/,
    ],
  ])('is sent when it %s, and those behind it go on', async (what, value, headers, letter) => {
    const name = what.replaceAll(/[^a-z]/g, '-').slice(0, 40);
    const { topics, outputs, deadLetterTopic, ...rest } = order(name);
    const [input = '', output = ''] = [...topics, ...outputs];
    await world.createTopics([input, output, deadLetterTopic], 1);
    await world.produceOne(input, 'reject-1', value, headers);
    await world.produce(input, ['behind']);
    const worker = world.work({ ...rest, topics, outputs, deadLetterTopic });
    await until('all committed', () => worker.isOver || worker.sum('committed', 'messages') === 2);
    worker.signal('SIGTERM');
    await worker.ended;

    expect(worker.error).toBeUndefined();
    expect(await world.broker.values(output)).toEqual(['behind']);
    const letters = await world.broker.valuesWithHeaders(deadLetterTopic);
    expect(letters).toEqual([expect.stringMatching(letter)]);
  });
});
