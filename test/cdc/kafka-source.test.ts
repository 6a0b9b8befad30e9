import { join } from 'node:path';
import { kafkaClientFolder } from '../../targets/kafka/index.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { describeWithKafka } from '../kafka/processor/with-kafka.js';
import { until, World } from '../kafka/processor/world.js';
import { Reader } from './kafka-reader.js';
import { linesIn, namesIn, newBucket, s3 } from './lake.js';

const kills = Number(process.env.KAFKA_SOURCE_KILLS ?? 2);
const count = Number(process.env.KAFKA_SOURCE_RECORDS ?? 2_000);

describeWithKafka(__filename)('a sink that reads Kafka', () => {
  const client = s3();
  let world: World;
  let program: OwnProcess;
  beforeAll(async () => {
    world = await World.open(1, true);
    program = await OwnProcess.of(join(__dirname, 'kafka-source-process.ts'));
  }, 120_000);
  afterAll(async () => {
    client.destroy();
    await world.close();
    await program.remove();
  });

  const started = (topic: string, bucket: string, stopAtEnd: boolean, patienceMs = 10_000) =>
    new Reader(program.path, {
      servers: world.broker.servers,
      client: kafkaClientFolder(),
      topic,
      bucket,
      rows: 20 + Math.floor(Math.random() * 300),
      s3: embedded().client,
      stopAtEnd,
      patienceMs,
    });
  const values = (first: number, more: number) =>
    Array.from({ length: more }, (_, i) => JSON.stringify({ n: first + i }));

  test(`killed ${kills} times, two at once on every partition: a plain listing has each record once`, async () => {
    const bucket = await newBucket(client);
    await world.createTopics(['payments'], 4);
    const sent = values(0, count);
    await world.produce('payments', sent.slice(0, count / 2));
    for (let kill = 0; kill < kills; kill += 1) {
      const [victim, other] = [started('payments', bucket, false), started('payments', bucket, false)];
      await until('one has written', () => victim.wrote + other.wrote > 0);
      victim.signal('SIGKILL');
      await victim.ended;
      other.signal('SIGKILL');
      await other.ended;
      if (kill === 0) await world.produce('payments', sent.slice(count / 2));
    }
    const last = started('payments', bucket, true);
    expect(await last.ended).toEqual({ ended: 'well' });
    expect((await linesIn(client, bucket)).sort()).toEqual([...sent].sort());
  }, 300_000);

  test('a topic made anew ends it by name while it waits; started again it reads the new one from its beginning', async () => {
    const bucket = await newBucket(client);
    await world.createTopics(['orders'], 1);
    const before = values(0, 5);
    await world.produce('orders', before);
    const running = started('orders', bucket, false);
    await until('all is written', () => running.wrote >= before.length);
    await world.deleteTopic('orders');
    await world.createTopics(['orders'], 1);
    const after = values(100, 9);
    await world.produce('orders', after);
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
    for (const topic of topics) await world.createTopics([topic], 1);
    // More than 8 MiB: each is its own key, too.
    await world.produce(
      'wide',
      Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(100_000, '.')),
    );
    const place = await OwnProcess.of(join(__dirname, 'kafka-place-process.ts'));
    const { stdout } = await place.run({
      servers: world.broker.servers,
      client: kafkaClientFolder(),
      topics,
    });
    await place.remove();
    expect(JSON.parse(stdout)).toEqual({ first: 1, again: 1 });
  }, 120_000);

  test('a topic that may not be read, from the start or from now on, is said by name, and nothing of it is passed', async () => {
    const bucket = await newBucket(client);
    await world.createTopics(['secret'], 1);
    const sent = values(0, 5);
    await world.produce('secret', sent);
    await world.broker.forbid('secret');
    const refused = await started('secret', bucket, true, 0).ended;
    expect(refused).toMatchObject({ ended: 'SourceUnavailable' });
    expect(refused.message).toContain('secret');
    expect(await namesIn(client, bucket)).toEqual([]);
    await world.broker.allow('secret');
    const running = started('secret', bucket, false, 500);
    await until('all is written', () => running.wrote >= sent.length);
    await world.broker.forbid('secret');
    expect(await running.ended).toMatchObject({ ended: 'SourceUnavailable' });
    await world.broker.allow('secret');
    const more = values(5, 4);
    await world.produce('secret', more);
    expect(await started('secret', bucket, true).ended).toEqual({ ended: 'well' });
    expect((await linesIn(client, bucket)).sort()).toEqual([...sent, ...more].sort());
  }, 300_000);

  test('a topic that is not there is said by name', async () => {
    const { ended, message } = await started('nowhere', await newBucket(client), true).ended;
    expect(ended).toBe('SourceUnavailable');
    expect(message).toContain("topic 'nowhere' cannot be read");
  }, 120_000);
});
