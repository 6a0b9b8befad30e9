import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiledClient } from '../../drive/cdc/kafka-client.js';
import { passThrough, runSink, type TopicPartition } from '../../runtime/cdc/index.js';
import { kafkaSource } from '../../runtime/cdc/kafka/index.js';
import { called, type ClientProducer } from '../../runtime/kafka/processor/client-port.js';
import { installKafkaClient, startKafka } from '../../targets/kafka/index.js';
import { kafkaJars } from '../../targets/kafka/jars.js';
import { runTool } from '../../targets/kafka/tools.js';
import { describeWithKafka } from '../kafka/processor/with-kafka.js';
import { MemoryStore } from './memory-sink.js';

describeWithKafka(__filename)(
  'a topic that ends with the end of a transaction, and is quiet until that has expired',
  () => {
    const undo: (() => Promise<unknown>)[] = [];
    afterAll(async () => {
      for (const step of undo.reverse()) await step();
    }, 120_000);

    test('stops no sink: it was moved over the end of the transaction', async () => {
      const client = compiledClient(await installKafkaClient(() => undefined));
      const broker = await startKafka({ brokers: 1 });
      undo.push(() => broker.stop());
      const { Producer, AdminClient } = await client();
      const settings = { 'bootstrap.servers': broker.servers };
      const producer: ClientProducer = new Producer({ ...settings, 'transactional.id': 'connect' }, {});
      producer.on('event.error', () => undefined);
      await called((done) => producer.connect({ timeout: 30_000 }, done));
      undo.push(() => called((done) => producer.disconnect(done)));
      const admin = AdminClient.createFrom(producer) as unknown as {
        createTopic(topic: object, timeoutMs: number, done: (error?: unknown) => void): void;
      };
      await called((done) =>
        admin.createTopic(
          { topic: 'quiet', num_partitions: 1, replication_factor: 1 },
          10_000,
          done as never,
        ),
      );
      await called((done) => producer.initTransactions(30_000, done));
      const transaction = async (n: number) => {
        await called((done) => producer.beginTransaction(done));
        producer.produce(
          'quiet',
          0,
          Buffer.from(`{"n":${n}}`),
          `k${n}`,
          undefined as never,
          undefined,
          undefined as never,
        );
        await called((done) => producer.commitTransaction(30_000, done));
      };
      const store = new MemoryStore();
      const run = async (quietMs?: number, signal?: AbortSignal) => {
        const source = kafkaSource({ kafka: settings, topics: ['quiet'], client });
        const stopAtEnd = signal === undefined;
        await runSink({
          source,
          sink: store.sink(),
          decode: passThrough,
          stopAtEnd,
          quietMs,
          signal,
          batch: { ms: 200 },
        });
        const [at] = (await source.partitions()) as [TopicPartition];
        const bounds = await source.bounds(at);
        await source.close();
        return { ...bounds, next: (await store.sink().open(at)).next };
      };
      const folder = await mkdtemp(join(tmpdir(), 'exactly-once-markers-'));
      undo.push(() => rm(folder, { recursive: true }));
      const file = join(folder, 'offsets.json');
      await writeFile(
        file,
        JSON.stringify({ version: 1, partitions: [{ topic: 'quiet', partition: 0, offset: -1 }] }),
      );
      const expire = async () =>
        runTool(await kafkaJars(() => undefined), 'org.apache.kafka.tools.DeleteRecordsCommand', [
          ...['--bootstrap-server', broker.servers, '--offset-json-file', file],
        ]);

      await transaction(0);
      expect(await run()).toEqual({ start: 0n, end: 2n, next: 2n });
      await expire();
      await transaction(1);
      // One that stays, and moves on by itself.
      const stop = new AbortController();
      const ended = run(500, stop.signal);
      for (let tries = 0; tries < 100 && store.lines.length < 2; tries += 1) await sleep(100);
      await sleep(3_000);
      stop.abort();
      expect(await ended).toEqual({ start: 2n, end: 4n, next: 4n });
      await expire();
      expect(await run()).toEqual({ start: 4n, end: 4n, next: 4n });
      expect(store.lines.map(({ row }) => row)).toEqual([{ n: 0 }, { n: 1 }]);
    }, 300_000);
  },
);
