import type { Pool } from 'pg';
import * as z from 'zod/mini';
import type { OnFailure } from '../../runtime/consumer/settings.js';
import { RejectMessage } from '../../runtime/dynamodb/index.js';
import { postgresConsumer } from '../../runtime/postgres/index.js';
import { sqsConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { testPostgres } from '../fixtures/postgres.js';
import { record, sqs } from '../fixtures/queue.js';
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
  /** The next so many writes that say that groups may be stopped fail, or are not known to have been made. */
  readonly refuse: (times: number) => void;
}

const common = () => ({
  ...{ schema: z.object({ id: z.string() }), sqs: queue, observe: () => undefined },
  key: ({ body }: { readonly body: { readonly id: string } }) => body.id,
});
const settings = (onFailure: OnFailure) => ({
  ...{ consumerName: 'counting', onFailure },
  deadLetterQueueUrl: channel.deadLetterQueueUrl,
});
const rejectPoison = (id: string) => {
  if (id === 'poison') throw new RejectMessage('no');
};

/** `gate`: reads and writes, so far, of the row that says that groups may be stopped. */
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

const time = { getRemainingTimeInMillis: () => 30_000 };
const post = async (id: string) => send(queue, channel.queueUrl, { id }, 'g');
const consume = async (instance: SqsConsumer) => pump(queue, channel, instance, { again: false });

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

test('an instance asks that once, and it is written once in the life of a consumer', async () => {
  const { instance, acted, gate } = await onDynamoDb();
  for (const one of [instance('stop'), instance('stop'), instance('skip')])
    for (const id of ['a', 'b', 'c']) {
      await post(id);
      await consume(one);
    }
  expect(await acted()).toEqual({ a: 1, b: 1, c: 1 });
  expect(gate).toEqual({ reads: 3, writes: 1 });
});
