import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { Client } from 'pg';
import { postgresSinkTable } from '../../runtime/cdc/index.js';
import { kafkaClientFolder } from '../../targets/kafka/index.js';
import { startPostgres } from '../../targets/postgres/index.js';
import { changeEvent } from '../cdc/debezium-record.js';
import { dynamo, newDedupTable, newTable } from '../fixtures/dynamo.js';
import { sqs } from '../fixtures/queue.js';
import { describeWithKafka } from '../kafka/processor/with-kafka.js';
import { World } from '../kafka/processor/world.js';
import { newQueue } from '../outbox/outbox-world.js';
import { bothActed, type DeployedPages } from './deployed-pages.js';
import { Program } from './program.js';
import { until } from './until.js';

/** The pages of Kafka: a function behind Lambda's mapping, a processor, and a sink. */
export function kafkaPages(pages: () => DeployedPages): void {
  test('Kafka: a record, handed out twice, is taken off the account once', async () => {
    const [accounts, receipts, deadLetters] = await Promise.all([
      newTable(dynamo(), 'id'),
      newDedupTable(dynamo()),
      newQueue(sqs(), false),
    ]);
    const value = Buffer.from(JSON.stringify({ paymentId: 'p-1', account: 'ann', cents: 1250 }));
    const record = {
      topic: 'purchases',
      partition: 0,
      offset: 7,
      timestamp: 1,
      timestampType: 'CREATE_TIME',
    };
    const event = {
      eventSource: 'aws:kafka',
      records: { 'purchases-0': [{ ...record, key: '', value: value.toString('base64'), headers: [] }] },
    };
    const answers = await pages().calledTwice('docs/kafka.md', 'handlers/settlement.ts', event, {
      ACCOUNTS_TABLE: accounts.name,
      EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
      EXACTLY_ONCE_DEDUP_TABLE: receipts.name,
      EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600',
      EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: deadLetters,
      EXACTLY_ONCE_MAX_FAILURES: '5',
      EXACTLY_ONCE_ON_FAILURE: 'skip',
      EXACTLY_ONCE_REPORTS_ITEM_FAILURES: 'true',
    });
    expect(answers).toEqual(bothActed);
    const key = { TableName: accounts.name, Key: { id: { S: 'ann' } } };
    expect((await dynamo().send(new GetItemCommand(key))).Item?.cents?.N).toBe('1250');
  });

  describeWithKafka(__filename)('with a broker', () => {
    const programs: Program[] = [];
    let world: World;
    beforeAll(async () => {
      world = await World.open();
      // What the pages ask for, and `setup:kafka` has compiled.
      const name = join('node_modules', '@confluentinc', 'kafka-javascript');
      await mkdir(dirname(join(pages().project, name)), { recursive: true });
      await symlink(join(kafkaClientFolder(), name), join(pages().project, name));
    });
    afterAll(async () => {
      for (const program of programs) program.kill();
      await world.close();
    });

    const started = (page: string, file: string, environment: NodeJS.ProcessEnv) => {
      const program = new Program(pages().sample(page, file), pages().environment(environment));
      programs.push(program);
      return program;
    };

    test('a processor: purchases of which some are read again after a kill are one debit and one credit each', async () => {
      const topics = ['purchases', 'debits', 'credits', 'purchases-dead'];
      await world.createTopics(topics, 1);
      const receipts = await newDedupTable(dynamo());
      const start = () =>
        started('docs/kafka-processor.md', 'purchases.ts', {
          EXACTLY_ONCE_KAFKA_CONSUMER_NAME: 'purchases',
          EXACTLY_ONCE_KAFKA_TOPICS: 'purchases',
          EXACTLY_ONCE_KAFKA_BOOTSTRAP_SERVERS: world.broker.servers,
          EXACTLY_ONCE_KAFKA_DEAD_LETTER_TOPIC: 'purchases-dead',
          EXACTLY_ONCE_KAFKA_DEDUP_TABLE: receipts.name,
          EXACTLY_ONCE_KAFKA_SLOTS: '2',
        });
      const purchases = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, i) =>
          JSON.stringify({ buyer: 'ann', seller: 'bob', cents: from + i }),
        );
      const committed = (count: number, by: Program) =>
        until(
          async () => (await world.done('purchases', 'purchases')) >= count,
          () => by.failure,
        );
      await world.produce('purchases', purchases(0, 500));
      const first = start();
      await committed(1, first);
      await world.produce('purchases', purchases(500, 1_000));
      await first.killed();
      const second = start();
      await committed(1_000, second);
      expect(await second.terminated()).toBe(0);

      const cents = async (topic: string) =>
        (await world.broker.values(topic, 1_000))
          .map((text) => (JSON.parse(text) as { cents: number }).cents)
          .sort((a, b) => a - b);
      const each = Array.from({ length: 1_000 }, (_, i) => i);
      expect(await cents('debits')).toEqual(each);
      expect(await cents('credits')).toEqual(each);
    });

    test('a sink: a change that comes twice, the second time after a kill, is written once', async () => {
      const topic = 'shop.public.payments';
      await world.createTopics([topic], 1);
      const server = await startPostgres();
      const client = new Client({ connectionString: server.url() });
      try {
        await client.connect();
        await client.query(postgresSinkTable());
        await client.query('CREATE TABLE payments (id int PRIMARY KEY, amount text, currency text)');
        // A row that is written twice holds the same: the trigger counts the writes.
        await client.query(`CREATE TABLE writes (id int);
          CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO writes VALUES (NEW.id); RETURN NEW; END';
          CREATE TRIGGER counts AFTER INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION count_write()`);
        const writes = async () =>
          (await client.query<{ id: number }>('SELECT id FROM writes ORDER BY id')).rows.map(({ id }) => id);
        const { username, hostname, port } = new URL(server.url());
        const start = () =>
          started('docs/cdc.md', 'read-model.mts', {
            ...{ PGHOST: hostname, PGPORT: port, PGUSER: username, PGDATABASE: 'postgres' },
            BOOTSTRAP_SERVERS: world.broker.servers,
            EXACTLY_ONCE_SINK: 'read-model',
            SYSTEM_IDENTIFIER: '7310000000000000001',
            LETTERS: 'none',
          });
        const tell = async (...ids: number[]) => {
          const told = ids.map((id) =>
            changeEvent({
              after: { id, amount: '12.50', currency: 'EUR' },
              commit: BigInt(100 + id),
              lsn: BigInt(90 + id),
            }),
          );
          await world.produce(
            topic,
            told.map(({ value }) => value),
            told.map(({ key }) => key),
          );
        };
        const written = (count: number, by: Program) =>
          until(
            async () => (await writes()).length >= count,
            () => by.failure,
          );
        await tell(1, 2);
        const first = start();
        await written(2, first);
        await first.killed();
        // As Debezium tells again what it had told: under new offsets.
        await tell(1, 2, 3);
        const second = start();
        await written(3, second);
        expect(await second.terminated()).toBe(0);
        expect(await writes()).toEqual([1, 2, 3]);
        const { rows } = await client.query('SELECT count(*)::int FROM payments');
        expect(rows).toEqual([{ count: 3 }]);
      } finally {
        await client.end();
        await server.stop();
      }
    });
  });
}
