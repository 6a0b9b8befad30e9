import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as z from 'zod/mini';
import type { Table } from '../../runtime/dynamodb/index.js';
import { postgresConsumer, type PostgresTx } from '../../runtime/postgres/index.js';
import {
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  type SqsConsumer,
} from '../../runtime/sqs/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
const postgres = testPostgres();
let receipts: Table;
let rows: Table;
let channel: TestChannel;
beforeEach(async () => {
  [receipts, rows, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'id'),
    newChannel(queue),
  ]);
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

/** What code may throw, and nobody expects: what says nothing, and what throws again when it is looked at. */
const thrown: Record<string, unknown> = {
  undefined,
  null: null,
  'a proxy': new Proxy(
    {},
    {
      get: () => {
        throw new Error('not this');
      },
      getPrototypeOf: () => {
        throw new Error('nor that');
      },
    },
  ),
};

const Body = z.object({ id: z.string() });
type Body = z.infer<typeof Body>;
const maxFailures = 2;
const common = () => ({
  ...{ dynamodb: client, sqs: queue, observe: () => undefined },
  settings: {
    ...{ consumerName: 'odd', dedupTable: receipts.name, receiptRetentionSeconds: 3600, maxFailures },
    deadLetterQueueUrl: channel.deadLetterQueueUrl,
  },
});
const key = ({ body }: { readonly body: Body }) => body.id;
const acted = async () => (await row(client, rows, { id: 'all' }))?.acted;

/** Consumers of which one part throws for the message `odd`, and what they have done for the others. */
const consumers: Record<
  string,
  (throwFor: (id: string) => void) => Promise<{ consumer: SqsConsumer; did: () => Promise<unknown> }>
> = {
  handler: async (throwFor) => inTransaction({ handle: throwFor }),
  'handler that has read': async (throwFor) => inTransaction({ reads: true, handle: throwFor }),
  schema: async (throwFor) =>
    inTransaction({
      schema: z.pipe(
        Body,
        z.transform((body: Body) => {
          throwFor(body.id);
          return body;
        }),
      ),
    }),
  key: async (throwFor) =>
    inTransaction({
      key: (message) => {
        throwFor(message.body.id);
        return key(message);
      },
    }),
  'row of an insert': async (throwFor) =>
    Promise.resolve({
      consumer: sqsInsertConsumer({
        ...{ ...common(), schema: Body, table: rows },
        row: ({ body }) => {
          throwFor(body.id);
          return { id: body.id };
        },
      }),
      did: async () =>
        Number((await row(client, rows, { id: 'fine' })) !== undefined) +
        Number((await row(client, rows, { id: 'behind' })) !== undefined),
    }),
  reducer: async (throwFor) =>
    Promise.resolve({
      consumer: sqsAggregateConsumer<typeof Body, { acted: number }>({
        ...{ ...common(), schema: Body, table: rows },
        settings: { ...common().settings, onFailure: 'skip' },
        aggregate: () => ({ id: 'all' }),
        version: ({ body }) => ({ source: body.id, version: '1' }),
        reduce: (state = { acted: 0 }, { body }) => {
          throwFor(body.id);
          return { acted: state.acted + 1 };
        },
      }),
      did: acted,
    }),
  'handler on Postgres': async (throwFor) => {
    const { pool } = await postgres.pool();
    await pool.query('CREATE TABLE counts (n int NOT NULL)');
    return {
      consumer: postgresConsumer({
        ...{ ...common(), schema: Body, pool, key, receiptRetentionSeconds: 3600 },
        handle: async ({ body }: { readonly body: Body }, tx: PostgresTx) => {
          await tx.query('INSERT INTO counts VALUES (1)');
          throwFor(body.id);
        },
      }),
      did: async () => (await pool.query('SELECT 1 FROM counts')).rowCount,
    };
  },
};

async function inTransaction(
  part: {
    readonly handle?: (id: string) => void;
    readonly reads?: boolean;
  } & Partial<{ readonly schema: StandardSchemaV1<unknown, Body>; readonly key: typeof key }>,
) {
  const consumer = sqsConsumer({
    ...{ ...common(), schema: part.schema ?? Body, key: part.key ?? key },
    handle: async ({ body: { id } }, tx) => {
      if (part.reads === true) await tx.get(rows, { id: 'all' }, ['acted']);
      part.handle?.(id);
      tx.update(rows, { id: 'all' }, { add: { acted: 1 } });
    },
  });
  return Promise.resolve({ consumer, did: acted });
}

const cases = Object.keys(consumers).flatMap((where) => Object.keys(thrown).map((what) => [where, what]));

test.each(cases)('R44: a %s that throws %s fails its message, and nobody else', async (where, what) => {
  let times = 0;
  const throwFor = (id: string) => {
    if (id !== 'odd') return;
    times += 1;
    throw thrown[what];
  };
  const { consumer, did } = (await consumers[where]?.(throwFor)) ?? {};
  if (consumer === undefined) throw new Error(`no consumer ${where}`);
  for (const id of ['fine', 'odd', 'behind']) await send(queue, channel.queueUrl, { id }, 'g');
  await pump(queue, channel, consumer, { batches: 10 });
  expect(await did?.()).toBe(2);
  expect((await drain(queue, channel.deadLetterQueueUrl)).map(({ Body: body }) => body)).toEqual([
    JSON.stringify({ id: 'odd' }),
  ]);
  expect(times).toBeGreaterThanOrEqual(1);
});

test('R44: a message for a table that is not there comes again, uncounted, and keeps nobody else from acting', async () => {
  const consumer = sqsConsumer({
    ...{ ...common(), schema: Body, key },
    handle: ({ body: { id } }, tx) => {
      const into = id === 'odd' ? { ...rows, name: 'not-there' } : rows;
      tx.update(into, { id: 'all' }, { add: { acted: 1 } });
    },
  });
  for (const id of ['fine', 'odd', 'else']) await send(queue, channel.queueUrl, { id }, id);
  await pump(queue, channel, consumer, { batches: 5 });
  expect(await acted()).toBe(2);
  expect(await drain(queue, channel.deadLetterQueueUrl)).toEqual([]);
});
