import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import type { Pool } from 'pg';
import { crashPoints } from '../../runtime/dedup/crash-points.js';
import { InvalidSettings } from '../../runtime/dedup/error.js';
import type { DeadLetter } from '../../runtime/consumer/dead-letter.js';
import {
  kafkaOriginAttribute,
  postgresKafkaConsumer,
  postgresKafkaSettings,
  type KafkaConsumer,
  type KafkaEvent,
  type KafkaRecord,
} from '../../runtime/kafka/postgres/index.js';
import { deadLetterAttribute } from '../../runtime/sqs/message-attributes.js';
import type { NewRecord } from '../../targets/event-source/kafka/log.js';
import { MemoryLog } from '../../targets/event-source/kafka/memory-log.js';
import { toEventRecord } from '../../targets/event-source/kafka/record.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { testPostgres } from '../fixtures/postgres.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { drain, sqs } from '../fixtures/queue.js';
import { json, text } from './records.js';
import type { PostgresOrder } from './postgres-victim.js';
import { postgresConsumerOf, type PostgresHabitat } from './postgres-victims.js';
import { identities } from './victims.js';

const hits = Number(process.env.CRASH_HITS ?? 2);
const postgres = testPostgres();
const queue = sqs();
let url: string;
let pool: Pool;
let habitat: PostgresHabitat;
/** Offsets of the topic go on from test to test. */
const log = new MemoryLog('purchases');

beforeAll(async () => {
  ({ url, pool } = await postgres.pool({ max: 4 }));
  await pool.query('CREATE TABLE effects (at serial, run text NOT NULL, id text NOT NULL)');
  const { QueueUrl = '' } = await queue.send(new CreateQueueCommand({ QueueName: `q-${randomUUID()}` }));
  habitat = { pool, sqs: queue, deadLetterQueueUrl: QueueUrl };
});
afterAll(() => queue.destroy());

const eventOf = (records: KafkaEvent['records'][string]): KafkaEvent => ({
  eventSource: 'SelfManagedKafka',
  bootstrapServers: 'b-1:9092',
  records: { 'purchases-0': records },
});
const batch = (...records: NewRecord[]) =>
  eventOf(records.map((one) => toEventRecord('purchases', log.put(one))));
const run = (consumer: KafkaConsumer, event: KafkaEvent) =>
  consumer(event, { getRemainingTimeInMillis: () => 30_000 });
const acted = async (name: string) =>
  (await pool.query<{ id: string }>('SELECT id FROM effects WHERE run = $1 ORDER BY at', [name])).rows.map(
    ({ id }) => id,
  );
const done = { batchItemFailures: [] };

test.each(identities)(
  'by %s each record acts once and in order, however often its batch comes',
  async (by) => {
    const name = randomUUID();
    const ids = ['1', '2', '3'].map((n) => `${name}-${n}`);
    const event = batch(...ids.map((id) => json({ run: name, id })));
    for (let times = 0; times < 3; times += 1)
      expect(await run(postgresConsumerOf(by, habitat), event)).toEqual(done);
    expect(await acted(name)).toEqual(ids);
  },
);

test('a record key that Postgres cannot hold, a number of 8 bytes, holds nobody when its record comes again', async () => {
  const name = randomUUID();
  const key = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1);
  const event = batch({ ...json({ run: name, id: name, fails: true }), key });
  const consumer = postgresConsumerOf('position', habitat);
  let answer = await run(consumer, event);
  for (let times = 0; times < 5 && answer.batchItemFailures.length > 0; times += 1)
    answer = await run(consumer, event);
  expect(answer).toEqual(done);
  expect(await drain(queue, habitat.deadLetterQueueUrl)).toHaveLength(1);
});

test('two instances that are given one batch at once act once', async () => {
  const name = randomUUID();
  const ids = ['1', '2', '3'].map((n) => `${name}-${n}`);
  const event = batch(...ids.map((id) => json({ run: name, id })));
  await Promise.all([1, 2].map(() => run(postgresConsumerOf('position', habitat), event)));
  expect(await run(postgresConsumerOf('position', habitat), event)).toEqual(done);
  expect(await acted(name)).toEqual(ids);
});

test('a record that fails holds back its partition until it is a dead letter; none of its writes stay', async () => {
  const name = randomUUID();
  const event = batch(
    json({ run: name, id: `${name}-1` }),
    json({ run: name, id: `${name}-2`, fails: true }),
    json({ run: name, id: `${name}-3` }),
  );
  const [, bad, behind] = event.records['purchases-0'] ?? [];
  const consumer = postgresConsumerOf('position', habitat);
  expect(await run(consumer, event)).toEqual({
    batchItemFailures: [bad, behind].map((one) => ({
      itemIdentifier: { partition: 'purchases-0', offset: one?.offset },
    })),
  });
  expect(await acted(name)).toEqual([`${name}-1`]);
  const rest = eventOf((event.records['purchases-0'] ?? []).slice(1));
  for (let times = 0; times < 3; times += 1)
    if ((await run(consumer, rest)).batchItemFailures.length === 0) break;
  expect(await acted(name)).toEqual([`${name}-1`, `${name}-3`]);
  const letters = (await drain(queue, habitat.deadLetterQueueUrl)).map(({ Body }) => Body);
  expect(letters).toEqual([JSON.stringify({ run: name, id: `${name}-2`, fails: true })]);
});

test('a topic made anew loses nothing: under its old id its records come again, under its own they act', async () => {
  const name = randomUUID();
  const first = batch(json({ run: name, id: 'old' }));
  expect(await run(postgresConsumerOf('position', habitat), first)).toEqual(done);
  const [old] = first.records['purchases-0'] ?? [];
  if (old === undefined) throw new Error('the batch is empty');
  const value = Buffer.from(JSON.stringify({ run: name, id: 'new' })).toString('base64');
  const anew = eventOf([{ ...old, value, timestamp: old.timestamp + 1 }]);
  expect((await run(postgresConsumerOf('position', habitat), anew)).batchItemFailures).toHaveLength(1);
  expect(await acted(name)).toEqual(['old']);
  expect(await run(postgresConsumerOf('position', { ...habitat, topicId: 'another' }), anew)).toEqual(done);
  expect(await acted(name)).toEqual(['old', 'new']);
});

const shapes: [string, Partial<KafkaRecord>][] = [
  ['a header without a value', { headers: [{ none: null }, { some: [104, -61, -92] }] }],
  ['no headers', { headers: null }],
  ['a time in nanoseconds', { timestamp: 1_764_460_800_000_000_000 }],
  ['no time', { timestamp: -1, timestampType: 'NO_TIMESTAMP_TYPE' }],
  ['an empty key', { key: '' }],
  ['a key that is no text', { key: Buffer.from([0xff, 0]).toString('base64') }],
];

test.each(shapes)('a record with %s acts, or becomes a letter, as any other', async (_, shape) => {
  const name = randomUUID();
  const ids = ['1', '2'].map((n) => `${name}-${n}`);
  const [first, last] = ids.map((id) => json({ run: name, id }));
  const plain = batch(first ?? json({}), text('no json'), last ?? json({}));
  const event = eventOf((plain.records['purchases-0'] ?? []).map((one) => ({ ...one, ...shape })));
  expect(await run(postgresConsumerOf('position', habitat), event)).toEqual(done);
  expect(await acted(name)).toEqual(ids);
  const letters = await drain(queue, habitat.deadLetterQueueUrl);
  expect(letters.map(({ Body }) => Body)).toEqual(['no json']);
  const letter = letters[0]?.MessageAttributes?.[deadLetterAttribute]?.StringValue ?? '{}';
  const { firstEnqueue } = JSON.parse(letter) as Partial<DeadLetter>;
  // Of what has no time, the time at which it came.
  expect(Date.now() - Date.parse(firstEnqueue ?? '')).toBeLessThan(60_000);
});

test('a value that is larger than SQS takes holds nobody back: its letter says where it is', async () => {
  const name = randomUUID();
  // No text: in base64 it has a third more.
  const large = { key: null, value: Buffer.alloc(800_000, 0xff) };
  const event = batch(large, json({ run: name, id: 'behind' }));
  expect(await run(postgresConsumerOf('position', habitat), event)).toEqual(done);
  expect(await acted(name)).toEqual(['behind']);
  const letters = await drain(queue, habitat.deadLetterQueueUrl);
  expect(letters.map(({ Body }) => Body)).toEqual(['-']);
  const { [kafkaOriginAttribute]: origin, [deadLetterAttribute]: letter } =
    letters[0]?.MessageAttributes ?? {};
  const { offset } = event.records['purchases-0']?.[0] ?? {};
  expect(JSON.parse(origin?.StringValue ?? '{}')).toMatchObject({
    topic: 'purchases',
    offset,
    body: 'omitted',
  });
  expect(JSON.parse(letter?.StringValue ?? '{}')).toMatchObject({ kind: 'rejected' });
});

test('a start without a retention, and groups that stop, are refused', () => {
  const settings = { consumerName: 'c', deadLetterQueueUrl: 'https://queue' };
  const { schema } = { schema: { '~standard': { version: 1, vendor: 'test', validate: String } } as never };
  expect(() =>
    postgresKafkaConsumer({ settings, schema, pool, key: () => 'k', handle: () => undefined }),
  ).toThrow(InvalidSettings);
  const environment = {
    EXACTLY_ONCE_CONSUMER_NAME: 'c',
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: 'https://queue',
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '60',
    EXACTLY_ONCE_REPORTS_ITEM_FAILURES: 'true',
  };
  expect(postgresKafkaSettings(environment)).toEqual({
    ...{ consumerName: 'c', deadLetterQueueUrl: 'https://queue' },
    ...{ receiptRetentionSeconds: 60, reportsItemFailures: true },
  });
  expect(() => postgresKafkaSettings({ ...environment, EXACTLY_ONCE_ON_FAILURE: 'stop' })).toThrow(/skip/);
});

describe('processes that are killed', () => {
  const histogram: Record<string, number> = {};
  let victim: OwnProcess;
  beforeAll(async () => {
    victim = await OwnProcess.of(join(__dirname, 'postgres-victim.ts'));
  });
  afterAll(async () => {
    await victim.remove();
    reportFigures('Kafka consumer on Postgres killed at', histogram);
  });

  test.each([...crashPoints])(
    `%s (${hits} times): the batch comes again, nothing lost, nothing doubled`,
    async (dieAt) => {
      for (let hit = 0; hit < hits; hit += 1) {
        const by = identities[hit % identities.length] ?? 'key';
        const name = randomUUID();
        const ids = ['1', '2', '3'].map((n) => `${name}-${n}`);
        const event = batch(
          ...ids.map((id) => json({ run: name, id }, id)),
          text(`no json ${name}`, 'nobody'),
        );
        const { deadLetterQueueUrl } = habitat;
        const { client } = embedded();
        const order: PostgresOrder = { by, url, deadLetterQueueUrl, client, event, dieAt };
        expect((await victim.run(order)).signal).toBe('SIGKILL');
        histogram[dieAt] = (histogram[dieAt] ?? 0) + 1;
        for (let times = 0; times < 2; times += 1)
          expect(await run(postgresConsumerOf(by, habitat), event)).toEqual(done);
        expect(await acted(name)).toEqual(ids);
      }
      const copies = await drain(queue, habitat.deadLetterQueueUrl);
      expect(new Set(copies.map(({ Body }) => Body)).size).toBe(hits);
    },
    180_000,
  );
});
