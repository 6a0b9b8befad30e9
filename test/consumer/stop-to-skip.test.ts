import type { Pool } from 'pg';
import * as z from 'zod/mini';
import type { OnFailure } from '../../runtime/consumer/settings.js';
import { RejectMessage } from '../../runtime/dynamodb/index.js';
import { postgresConsumer } from '../../runtime/postgres/index.js';
import type { BatchSummary } from '../../runtime/telemetry/batch-summary.js';
import { sqsConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, record, sqs } from '../fixtures/queue.js';
import { MutantPool } from '../postgres/mutation/mutant-pool.js';

const queue = sqs();
const direct = dynamo();
const postgres = testPostgres();
const pools: Pool[] = [];
let channel: TestChannel;
beforeEach(async () => {
  channel = await newChannel(queue);
});
afterAll(async () => {
  for (const pool of pools) await pool.end();
  direct.destroy();
  queue.destroy();
});

/** A consumer that counts how often each message acts; `poison` is refused. */
interface World {
  /** A new instance of it. */
  readonly instance: (onFailure: OnFailure) => SqsConsumer;
  readonly acted: () => Promise<Readonly<Record<string, unknown>>>;
  /** The next so many writes that say whether groups may be stopped fail, or are not known to have been made. */
  readonly refuse: (times: number) => void;
}

/** Errors of messages, in all batches of a test. */
const errors: unknown[] = [];
const common = () => ({
  ...{ schema: z.object({ id: z.string() }), sqs: queue },
  observe: ({ problems }: BatchSummary) => void errors.push(...problems.map(({ error }) => error)),
  key: ({ body }: { readonly body: { readonly id: string } }) => body.id,
});
const settings = (onFailure: OnFailure) => ({
  ...{ consumerName: 'counting', onFailure },
  deadLetterQueueUrl: channel.deadLetterQueueUrl,
});
const rejectPoison = (id: string) => {
  if (id === 'poison') throw new RejectMessage('no');
};

/** `gate`: reads and writes, so far, of the row that says whether groups may be stopped. */
async function onDynamoDb(): Promise<World & { readonly gate: { reads: number; writes: number } }> {
  const [receipts, counts] = await Promise.all([newDedupTable(direct), newTable(direct, 'name')]);
  const gate = { reads: 0, writes: 0 };
  let refusals = 0;
  const client = dynamo({ maxAttempts: 1 });
  // It is the one row that is read and put by itself: receipts and counts are in transactions, groups in batches.
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        gate.reads += Number(commandName === 'GetItemCommand');
        if (commandName !== 'PutItemCommand') return next(args);
        gate.writes += 1;
        if (refusals === 0) return next(args);
        refusals -= 1;
        throw Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
      },
    { step: 'initialize' },
  );
  return {
    instance: (onFailure) =>
      sqsConsumer({
        ...common(),
        dynamodb: client,
        settings: { ...settings(onFailure), dedupTable: receipts.name, receiptRetentionSeconds: 3600 },
        handle: ({ body: { id } }, tx) => {
          rejectPoison(id);
          tx.update(counts, { name: 'all' }, { add: { [id]: 1 } });
        },
      }),
    acted: async () => {
      const counted = Object.entries((await row(direct, counts, { name: 'all' })) ?? {});
      return Object.fromEntries(counted.filter(([name]) => name !== 'name'));
    },
    gate,
    refuse: (times) => {
      refusals = times;
    },
  };
}

async function onPostgres(): Promise<World> {
  const { url, pool } = await postgres.pool();
  await pool.query('CREATE TABLE counts (name text PRIMARY KEY, n int NOT NULL)');
  const mutant = new MutantPool(url);
  pools.push(mutant.pool);
  return {
    instance: (onFailure) =>
      postgresConsumer({
        ...common(),
        ...{ pool: mutant, settings: settings(onFailure), receiptRetentionSeconds: 3600 },
        handle: async ({ body: { id } }, tx) => {
          rejectPoison(id);
          await tx.query(
            'INSERT INTO counts AS c VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET n = c.n + 1',
            [id],
          );
        },
      }),
    acted: async () => {
      const { rows } = await pool.query<{ name: string; n: number }>('SELECT name, n FROM counts');
      return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
    },
    refuse: (times) => mutant.lose('INSERT INTO exactly_once.groups', times),
  };
}

const now = Date.now.bind(Date);
let aheadMs = 0;
/** Lets so much time pass. It is never set back, because what measures time by it does not run back. */
function later(minutes: number): void {
  aheadMs += minutes * 60_000;
}
beforeEach(() => {
  jest.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
});
afterEach(() => {
  jest.restoreAllMocks();
  errors.length = 0;
});

const time = { getRemainingTimeInMillis: () => 30_000 };
const post = async (id: string, group = 'g') => send(queue, channel.queueUrl, { id }, group);
const consume = async (instance: SqsConsumer) => pump(queue, channel, instance, { again: false });
/** One batch, whose messages come again at once if they do. */
const consumeOnce = async (instance: SqsConsumer) => pump(queue, channel, instance, { batches: 1 });
/** So many dead letters are there. */
const letters = async () => (await drain(queue, channel.deadLetterQueueUrl)).length;

describe.each([
  ['DynamoDB', onDynamoDb],
  ['Postgres', onPostgres],
])('with receipts in %s', (_, open) => {
  test('R50: an instance with `skip` waits behind what an older one with `stop` parks later', async () => {
    const { instance, acted } = await open();
    const [older, newer] = [instance('stop'), instance('skip')];
    for (const one of [older, newer]) {
      await post(one === older ? 'a' : 'b');
      await consume(one);
    }
    await post('poison');
    await consume(older);
    await post('c');
    await consume(newer);
    expect(await acted()).toEqual({ a: 1, b: 1 });
  });

  test('R50: also where that one is in the first batch of the consumer’s life, and the newer one has asked before', async () => {
    const { instance, acted } = await open();
    const [older, newer] = [instance('stop'), instance('skip')];
    await post('a', 'another');
    await consumeOnce(newer);
    await post('poison');
    await consumeOnce(older);
    // Parked, it would be overtaken.
    expect(await letters()).toBe(0);
    await post('b');
    await consumeOnce(newer);
    expect(await acted()).toEqual({ a: 1, b: 1 });
    expect(await letters()).toBe(1);
  });

  test('R50: an instance with `stop` stops no group, and rejects nothing, while one with `skip` from before may be at work', async () => {
    const { instance, acted } = await open();
    const [skipping, stopping, another] = [instance('skip'), instance('stop'), instance('stop')];
    await post('a', 'another');
    await consumeOnce(skipping);
    await post('poison');
    await post('b');
    await post('c', 'another');
    await consumeOnce(stopping);
    await consumeOnce(another);
    expect(await letters()).toBe(0);
    expect(await acted()).toEqual({ a: 1, c: 1 });
    // Who looks why the group waits finds it in the log.
    const postponed = { name: 'StopPostponed', cause: { name: 'RejectMessage' } };
    expect(errors).toMatchObject([postponed, postponed]);
    later(19);
    await consumeOnce(stopping);
    expect(await letters()).toBe(0);
    later(2);
    await consumeOnce(another);
    expect(await letters()).toBe(1);
    // By now it has asked again.
    await post('d');
    await consumeOnce(skipping);
    expect(await acted()).toEqual({ a: 1, c: 1 });
  });

  test('R48: what cannot say that it may stop groups runs nothing, and goes on when it can', async () => {
    const { instance, acted, refuse } = await open();
    const it = instance('stop');
    refuse(1);
    const Records = [record({ body: { id: 'a' }, group: 'g' })];
    expect((await it({ Records }, time)).batchItemFailures).toHaveLength(1);
    expect(await acted()).toEqual({});
    expect((await it({ Records }, time)).batchItemFailures).toEqual([]);
    expect(await acted()).toEqual({ a: 1 });
  });
});

test.each([
  ['stop', 'skip'],
  ['skip', 'skip'],
] as const)(
  'an instance asks that once, and it is written once in the life of a consumer (%s, then %s)',
  async (first, then) => {
    const { instance, acted, gate } = await onDynamoDb();
    for (const one of [instance(first), instance(first), instance(then)])
      for (const id of ['a', 'b', 'c']) {
        await post(id);
        await consume(one);
      }
    expect(await acted()).toEqual({ a: 1, b: 1, c: 1 });
    expect(gate).toEqual({ reads: 3, writes: 1 });
  },
);

test('a no is asked again after four minutes, a yes never', async () => {
  const { instance, gate } = await onDynamoDb();
  const it = instance('skip');
  for (const [id, reads] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ] as const) {
    await post(id);
    await consume(it);
    expect(gate).toEqual({ reads, writes: 1 });
    later(4.1);
  }
  // From now on it stops groups; the first one hears a yes.
  await post('d');
  await consume(instance('stop'));
  const { reads } = gate;
  for (const id of ['e', 'f']) {
    await post(id);
    await consume(it);
    later(4.1);
  }
  expect(gate.reads).toBe(reads + 1);
});
