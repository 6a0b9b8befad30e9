import { join } from 'node:path';
import { kafkaClientFolder } from '../../targets/kafka/index.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { describeWithKafka } from '../kafka/processor/with-kafka.js';
import { until } from '../kafka/processor/world.js';
import { kafkaWorld } from './kafka-world.js';
import { linesIn, namesIn, newBucket } from './lake.js';

const kills = Number(process.env.KAFKA_SOURCE_KILLS ?? 2);
const count = Number(process.env.KAFKA_SOURCE_RECORDS ?? 2_000);

describeWithKafka(__filename)('a sink that reads Kafka', () => {
  const world = kafkaWorld();
  const { client } = world;
  const started = (topic: string, bucket: string, stopAtEnd: boolean, patienceMs = 10_000) =>
    world.started({
      ...{ topic, bucket, stopAtEnd, patienceMs },
      rows: 20 + Math.floor(Math.random() * 300),
    });
  const values = (first: number, more: number) =>
    Array.from({ length: more }, (_, i) => JSON.stringify({ n: first + i }));

  test(
    `killed ${kills} times, two at once on every partition: a plain listing has each record once`,
    async () => {
      const bucket = await newBucket(client);
      await world.kafka.createTopics(['payments'], 4);
      const sent = values(0, count);
      // Some before each round: so there is always something to be written by those that are to die.
      const share = Math.ceil(count / (kills + 1));
      const produce = (round: number) =>
        world.kafka.produce('payments', sent.slice(round * share, (round + 1) * share));
      for (let kill = 0; kill < kills; kill += 1) {
        await produce(kill);
        const [victim, other] = [started('payments', bucket, false), started('payments', bucket, false)];
        await until('one has written', () => victim.wrote + other.wrote > 0);
        victim.signal('SIGKILL');
        await victim.ended;
        other.signal('SIGKILL');
        await other.ended;
      }
      await produce(kills);
      const last = started('payments', bucket, true);
      expect(await last.ended).toEqual({ ended: 'well' });
      const lines = await linesIn(client, bucket);
      reportFigures('sink over Kafka', { kills: 2 * kills, records: count, lines: lines.length });
      expect(lines.sort()).toEqual([...sent].sort());
    },
    Math.max(300_000, kills * 120_000),
  );

  test('a topic made anew ends it by name while it waits; started again it reads the new one from its beginning', async () => {
    const bucket = await newBucket(client);
    await world.kafka.createTopics(['orders'], 1);
    const before = values(0, 5);
    await world.kafka.produce('orders', before);
    const running = started('orders', bucket, false);
    await until('all is written', () => running.wrote >= before.length);
    await world.kafka.deleteTopic('orders');
    await world.kafka.createTopics(['orders'], 1);
    const after = values(100, 9);
    await world.kafka.produce('orders', after);
    expect(await running.ended).toMatchObject({ ended: 'TopicRecreated' });
    expect(await linesIn(client, bucket)).toEqual(before);
    expect(await started('orders', bucket, true).ended).toEqual({ ended: 'well' });
    expect((await linesIn(client, bucket)).sort()).toEqual([...before, ...after].sort());
    // Another log, by its id.
    const ids = new Set((await namesIn(client, bucket)).map((name) => name.split('/')[0]));
    expect(ids.size).toBe(2);
  }, 300_000);

  test('a partition of which too much waited is read on when it is asked for from elsewhere', async () => {
    const topics = ['wide', 'empty'] as const;
    for (const topic of topics) await world.kafka.createTopics([topic], 1);
    // More than 8 MiB: each is its own key, too.
    await world.kafka.produce(
      'wide',
      Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(100_000, '.')),
    );
    const place = await OwnProcess.of(join(__dirname, 'kafka-place-process.ts'));
    const { stdout } = await place.run({
      servers: world.kafka.broker.servers,
      client: kafkaClientFolder(),
      topics,
    });
    await place.remove();
    expect(JSON.parse(stdout)).toEqual({ first: 1, again: 1 });
  }, 120_000);

  test('a topic that may not be read, from the start or from now on, is said by name, and nothing of it is passed', async () => {
    const bucket = await newBucket(client);
    await world.kafka.createTopics(['secret'], 1);
    const sent = values(0, 5);
    await world.kafka.produce('secret', sent);
    await world.kafka.broker.forbid('secret');
    const refused = await started('secret', bucket, true, 0).ended;
    expect(refused).toMatchObject({ ended: 'SourceUnavailable' });
    expect(refused.message).toContain('secret');
    expect(await namesIn(client, bucket)).toEqual([]);
    await world.kafka.broker.allow('secret');
    const running = started('secret', bucket, false, 500);
    await until('all is written', () => running.wrote >= sent.length);
    await world.kafka.broker.forbid('secret');
    expect(await running.ended).toMatchObject({ ended: 'SourceUnavailable' });
    await world.kafka.broker.allow('secret');
    const more = values(5, 4);
    await world.kafka.produce('secret', more);
    expect(await started('secret', bucket, true).ended).toEqual({ ended: 'well' });
    expect((await linesIn(client, bucket)).sort()).toEqual([...sent, ...more].sort());
  }, 300_000);

  test('a topic that is not there is said by name', async () => {
    const { ended, message } = await started('nowhere', await newBucket(client), true).ended;
    expect(ended).toBe('SourceUnavailable');
    expect(message).toContain("topic 'nowhere' cannot be read");
  }, 120_000);
});
