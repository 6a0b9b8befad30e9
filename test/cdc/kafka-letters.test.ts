import { describeWithKafka } from '../kafka/processor/with-kafka.js';
import { until } from '../kafka/processor/world.js';
import { kafkaWorld } from './kafka-world.js';
import { linesIn, newBucket } from './lake.js';

const deadLetterTopic = 'letters';

describeWithKafka(__filename)('the dead letters of a sink in a topic of Kafka', () => {
  const world = kafkaWorld();
  const { client } = world;
  beforeAll(() => world.kafka.createTopics([deadLetterTopic], 1), 120_000);

  const started = (topic: string, bucket: string, stopAtEnd: boolean, patienceMs = 30_000) =>
    world.started({ topic, bucket, rows: 3, stopAtEnd, patienceMs, deadLetterTopic });
  /** By offset: what the letters of a topic say. Any number of letters may tell of one record. */
  const lettersOf = async (topic: string, atLeast: number) =>
    new Map(
      (await world.kafka.broker.valuesWithHeaders(deadLetterTopic, atLeast))
        .map((line): readonly [string, string] => [line.split('\t')[0] ?? '', line.split('\t')[1] ?? ''])
        .filter(([headers]) => headers.includes(`exactly-once-topic:${topic},`))
        .map(([headers, value]) => [
          /exactly-once-offset:(\d+)/.exec(headers)?.[1] ?? '',
          { headers, value },
        ]),
    );

  test('have each record that cannot be written, with why and from where, and the sink each of the others once, through kills', async () => {
    const bucket = await newBucket(client);
    await world.kafka.createTopics(['payments'], 1);
    const good = Array.from({ length: 12 }, (_, n) => JSON.stringify({ n }));
    const long = JSON.stringify({ long: 'x'.repeat(500) });
    const huge = JSON.stringify({ huge: 'x'.repeat(5_000) });
    const sent = [...good.slice(0, 4), 'no JSON', ...good.slice(4, 8), long, huge, ...good.slice(8)];
    await world.kafka.produce('payments', sent);
    for (let kill = 0; kill < 2; kill += 1) {
      const victim = started('payments', bucket, false);
      await until('it has written', () => victim.wrote > 0);
      victim.signal('SIGKILL');
      await victim.ended;
    }
    expect(await started('payments', bucket, true).ended).toEqual({ ended: 'well' });
    expect(await linesIn(client, bucket)).toEqual(good);
    const letters = await lettersOf('payments', 3);
    expect([...letters.keys()].sort()).toEqual(['10', '4', '9']);
    expect(letters.get('4')).toMatchObject({
      value: 'no JSON',
      headers: expect.stringContaining('exactly-once-consumer:lake,'),
    });
    expect(letters.get('9')?.value).toBe(long);
    // Larger than the topic takes, and so is its key: it is read at its own place.
    expect(letters.get('10')).toMatchObject({
      value: 'null',
      headers: expect.stringContaining('exactly-once-value:omitted,exactly-once-key:omitted'),
    });
  }, 300_000);

  test('a topic of letters that takes nothing stops the sink before the record, and nothing is passed', async () => {
    const bucket = await newBucket(client);
    await world.kafka.createTopics(['orders'], 1);
    const [before, after] = [JSON.stringify({ n: 1 }), JSON.stringify({ n: 2 })];
    await world.kafka.produce('orders', [before, 'no JSON', after]);
    await world.kafka.broker.forbid(deadLetterTopic);
    expect(await started('orders', bucket, true, 0).ended).toMatchObject({ ended: 'SinkUnavailable' });
    expect(await linesIn(client, bucket)).toEqual([before]);
    await world.kafka.broker.allow(deadLetterTopic);
    expect(await started('orders', bucket, true).ended).toEqual({ ended: 'well' });
    expect(await linesIn(client, bucket)).toEqual([before, after]);
    expect([...(await lettersOf('orders', 4)).keys()]).toEqual(['1']);
  }, 300_000);
});
