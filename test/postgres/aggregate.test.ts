import { randomUUID } from 'node:crypto';
import type { SQSMessageAttributes } from 'aws-lambda';
import type { Pool } from 'pg';
import * as z from 'zod/mini';
import { ignore, RejectMessage } from '../../runtime/dedup/errors.js';
import { parkingRows, parkingWindow } from '../../runtime/dedup/stream.js';
import {
  decidePostgresGroup,
  listPostgresGaps,
  listPostgresGroups,
  passOverPostgresVersion,
  postgresAggregateConsumer,
  type PostgresAggregateConsumerOptions,
} from '../../runtime/postgres/index.js';
import { deadLetterAttribute, type DeadLetter } from '../../runtime/sqs/index.js';
import type { BatchSummary } from '../../runtime/telemetry/batch-summary.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, record, sqs } from '../fixtures/queue.js';

const postgres = testPostgres();
const queue = sqs();
let pool: Pool;
let channel: TestChannel;
let purse: string;
let purses = 0;
/** What fails, by version. */
let refuse: Record<string, Error>;
beforeAll(async () => {
  ({ pool } = await postgres.pool());
  await pool.query('CREATE TABLE purses (name text PRIMARY KEY, log text NOT NULL)');
});
beforeEach(async () => {
  channel = await newChannel(queue, false);
  refuse = {};
  purse = `purse-${(purses += 1)}`;
});
afterAll(() => queue.destroy());

const Paid = z.object({ purse: z.string(), n: z.string() });
type Options = PostgresAggregateConsumerOptions<typeof Paid>;

/** A consumer that appends each message to the text of its purse, unkeyed, and writes before it fails. */
function consumer(overrides: Partial<Options> = {}, settings: Partial<Options['settings']> = {}) {
  const summaries: BatchSummary[] = [];
  const handler = postgresAggregateConsumer<typeof Paid>({
    settings: {
      consumerName: purse,
      deadLetterQueueUrl: channel.deadLetterQueueUrl,
      ...settings,
    },
    schema: Paid,
    pool,
    aggregate: ({ body }) => body.purse,
    version: ({ body }) => ({ source: 'till', version: body.n }),
    handle: async ({ body: { purse: name, n } }, tx) => {
      await tx.query(
        'INSERT INTO purses AS p VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET log = p.log || $2',
        [name, `${n} `],
      );
      const error = refuse[n];
      if (error !== undefined) throw error;
    },
    sqs: queue,
    observe: (summary) => summaries.push(summary),
    ...overrides,
  });
  return { handler, summaries };
}

const pay = async (n: number | string, group?: string) =>
  send(queue, channel.queueUrl, { purse, n: String(n) }, group);
const paid = (n: number | string, name = purse) => record({ body: { purse: name, n: String(n) } });
const run = async ({ handler }: ReturnType<typeof consumer>, Records: ReturnType<typeof paid>[]) =>
  handler({ Records }, { getRemainingTimeInMillis: () => 20_000 });
const log = async (name = purse) =>
  (await pool.query<{ log: string }>('SELECT log FROM purses WHERE name = $1', [name])).rows[0]?.log;
const kept = async () =>
  (
    await pool.query<{ version: string; near: boolean }>(
      'SELECT version::text, near FROM exactly_once.early_events WHERE consumer = $1 ORDER BY early_events.version',
      [purse],
    )
  ).rows;
const letters = async () =>
  (await drain(queue, channel.deadLetterQueueUrl)).map(({ Body = '', MessageAttributes = {} }) => {
    const stringValue = MessageAttributes[deadLetterAttribute]?.StringValue ?? '';
    const attributes: SQSMessageAttributes = { [deadLetterAttribute]: { dataType: 'String', stringValue } };
    return { body: Body, attributes, letter: JSON.parse(stringValue) as DeadLetter };
  });
const upTo = (n: number) => Array.from({ length: n }, (_, i) => `${i + 1} `).join('');
const poison = new RejectMessage('purse is frozen');

test('aggregates whose names no key can tell apart or hold are rejected, and their neighbours act', async () => {
  const long = Array.from({ length: 300 }, () => randomUUID()).join('');
  const names = [`${purse}\ud800`, `${purse}\udfff`, `${purse}${long}`, purse];
  const records = names.flatMap((name) => [paid(1, name), paid(2, name)]);
  const it = consumer();
  expect(await run(it, records)).toEqual({ batchItemFailures: [] });
  // Nothing of them is known, so a copy is refused for the same reason.
  expect(await run(it, records.slice(0, 6))).toEqual({ batchItemFailures: [] });
  expect(await log()).toBe(upTo(2));
  expect(await run(it, [paid(1, `${purse}\ufffd`)])).toEqual({ batchItemFailures: [] });
  expect(await log(`${purse}\ufffd`)).toBe(upTo(1));
  expect(await letters()).toHaveLength(12);
});

describe('order', () => {
  test('events in any order act in the order of their versions, and a copy of each does nothing', async () => {
    const it = consumer();
    for (const n of [3, 1, 5, 2, 4, 3, 1]) await pay(n);
    await pump(queue, channel, it.handler);
    for (const n of [5, 2]) await pay(n);
    await pump(queue, channel, consumer().handler);
    expect(await log()).toBe(upTo(5));
    expect(await kept()).toEqual([]);
  });

  test('eight instances at once over one aggregate: each version acts once, in order', async () => {
    const records = Array.from({ length: 40 }, (_, i) => paid(i + 1));
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) =>
        run(
          consumer(),
          records.toSorted((a, b) => Math.sin(i + a.body.length) - Math.cos(i * b.body.length)),
        ),
      ),
    );
    expect(await log()).toBe(upTo(40));
  });

  test('versions of 20 digits that differ by one are told apart', async () => {
    const [one, two] = ['18849496460467696128', '18849496460467696129'];
    await run(consumer({ startAt: () => one }), [paid(one), paid(two), paid(two)]);
    expect(await log()).toBe(`${one} ${two} `);
  });

  test('two sources of one aggregate count for themselves, and so does a new epoch', async () => {
    const at = async (source: string, epoch: string) =>
      run(consumer({ version: ({ body }) => ({ source, epoch, version: body.n }) }), [paid(1), paid(1)]);
    await at('__proto__', '0');
    await at('till', '0');
    await at('till', '1');
    expect(await log()).toBe('1 1 1 ');
  });

  test('what is far ahead waits in rows of its own, and all of it acts when the gap closes', async () => {
    const last = Number(parkingWindow) + 60;
    const it = consumer();
    const early = Array.from({ length: last - 1 }, (_, i) => paid(last - i));
    expect((await run(it, early)).batchItemFailures).toEqual([]);
    expect((await kept()).map(({ near }) => near)).toEqual(early.map(() => false));
    expect((await run(it, [paid(Number(parkingRows) + 1_000)])).batchItemFailures).toHaveLength(1);
    await run(it, [paid(1)]);
    expect(await log()).toBe(upTo(last));
    expect(await kept()).toEqual([]);
  });

  test('another payload of a version that has acted, or waits, is rejected; a copy is not', async () => {
    const other = (n: number) => record({ body: { purse, n: String(n), more: true } });
    await run(consumer(), [paid(1), paid(3), paid(90)]);
    await run(consumer(), [paid(1), other(1), paid(3), other(3), paid(90)]);
    await run(consumer(), [other(90)]);
    expect((await letters()).map(({ letter }) => letter.kind)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await log()).toBe('1 ');
  });
});

describe('handlers', () => {
  test('what a handler wrote before it threw is undone, and its neighbours act in the same commit', async () => {
    refuse = { 2: new Error('not now') };
    const other = `${purse}-other`;
    const { batchItemFailures } = await run(consumer(), [paid(1), paid(2), paid(1, other)]);
    expect(batchItemFailures).toHaveLength(1);
    expect([await log(), await log(other)]).toEqual(['1 ', '1 ']);
    refuse = {};
    await run(consumer(), [paid(2)]);
    expect(await log()).toBe('1 2 ');
  });

  test('one that ignores its message writes nothing, and the position goes on', async () => {
    const it = consumer({
      handle: async ({ body: { n } }, tx) => {
        await tx.query(
          'INSERT INTO purses AS p VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET log = p.log || $2',
          [purse, `${n} `],
        );
        if (n === '2') throw ignore('none of ours');
      },
    });
    await run(it, [paid(1), paid(2), paid(3)]);
    expect(await log()).toBe('1 3 ');
  });

  test('R47: what one throws because of something that has changed since is no verdict', async () => {
    let looks = 0;
    const it = consumer({
      handle: async (_, tx) => {
        const { rows } = await tx.query("SELECT 1 FROM purses WHERE name = 'limit'");
        looks += 1;
        if (looks === 1) await pool.query("INSERT INTO purses VALUES ('limit', '')");
        if (rows.length === 0) throw new RejectMessage('no limit');
      },
    });
    expect((await run(it, [paid(1)])).batchItemFailures).toEqual([]);
    expect([looks, await letters()]).toEqual([2, []]);
  });
});

test.each(['COMMIT is not answered', 'COMMIT meets another transaction'])(
  '%s: each acts once',
  async (what) => {
    let times = 2;
    const it = consumer({
      pool: {
        options: { max: 4 },
        connect: async () => {
          const client = await pool.connect();
          return {
            query: async (text, values) => {
              if (text !== 'COMMIT' || (times -= 1) < 0) return client.query(text, values);
              if (what === 'COMMIT is not answered') {
                await client.query(text);
                throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
              }
              throw Object.assign(new Error('could not serialize access'), { code: '40001' });
            },
            release: (destroy) => client.release(destroy),
            on: (event, listener) => client.on(event, listener),
            removeListener: (event, listener) => client.removeListener(event, listener),
          };
        },
      },
    });
    const { batchItemFailures } = await run(it, [paid(1), paid(3), paid(2)]);
    expect([await log(), batchItemFailures]).toEqual([upTo(3), []]);
    expect(it.summaries[0]).toMatchObject({ processed: 2, parked: 1 });
  },
);

describe('stop, which is the default: the stream stands still', () => {
  async function stopAtSecond() {
    refuse = { 2: poison };
    for (const n of [1, 2, 3, 4]) await pay(n);
    await pump(queue, channel, consumer().handler);
    expect(await log()).toBe('1 ');
    const [group] = await listPostgresGroups(pool, purse);
    expect(group).toMatchObject({
      kind: 'aggregate',
      state: 'stopped',
      reason: 'RejectMessage: purse is frozen',
    });
    return { consumerName: purse, stream: group?.stream ?? '', reason: 'mended' };
  }

  test('a redrive of the head makes it go on', async () => {
    await stopAtSecond();
    const [dead] = await letters();
    expect(dead?.letter).toMatchObject({ kind: 'rejected', position: { sequence: '2' } });
    refuse = {};
    await send(queue, channel.queueUrl, dead?.body);
    await pump(queue, channel, consumer().handler);
    expect(await log()).toBe(upTo(4));
    expect(await listPostgresGroups(pool, purse)).toEqual([]);
  });

  test('resume tries the head again', async () => {
    const decision = await stopAtSecond();
    refuse = {};
    await decidePostgresGroup(pool, queue, decision, 'resuming');
    await pump(queue, channel, consumer().handler);
    expect(await log()).toBe(upTo(4));
    expect(await listPostgresGroups(pool, purse)).toEqual([]);
  });

  test('skip moves the position over the head, and a late redrive of it acts once', async () => {
    const decision = await stopAtSecond();
    await decidePostgresGroup(pool, queue, decision, 'skipping');
    await pump(queue, channel, consumer().handler);
    expect(await log()).toBe('1 3 4 ');
    refuse = {};
    for (let i = 0; i < 2; i += 1) await pay(2);
    await pump(queue, channel, consumer().handler);
    expect(await log()).toBe('1 3 4 2 ');
  });
});

describe('skip: the position moves on', () => {
  test('R23: events that were parked and fail when their turn comes are dead letters, and act once when they come back', async () => {
    refuse = { 2: poison, 3: poison, 5: poison };
    for (const n of [5, 3, 2, 4, 6]) await pay(n);
    const it = consumer({}, { onFailure: 'skip' });
    await pump(queue, channel, it.handler);
    await pay(1);
    await pump(queue, channel, it.handler);
    expect(await log()).toBe('1 4 6 ');
    const dead = await letters();
    expect(dead.map(({ letter }) => letter.kind)).toEqual(['parked', 'parked', 'parked']);
    refuse = {};
    for (const { body, attributes } of dead)
      for (let i = 0; i < 2; i += 1) await send(queue, channel.queueUrl, body, undefined, attributes);
    await pump(queue, channel, it.handler);
    expect(((await log()) ?? '').trim().split(' ').sort()).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  test('R53: a gap is listed, can be passed over by its version though that never came, and is off the list then', async () => {
    const it = consumer({ gapTimeoutSeconds: 0 });
    await run(it, [paid(1), paid(3), paid(4)]);
    const [gap] = await listPostgresGaps(pool, purse);
    expect(gap).toMatchObject({ consumerName: purse, sequence: '2', waiting: '3' });
    await passOverPostgresVersion(queue, channel.queueUrl, gap as NonNullable<typeof gap>);
    await pump(queue, channel, it.handler);
    expect([await log(), await listPostgresGaps(pool, purse)]).toEqual(['1 3 4 ', []]);
    await run(it, [paid(2), paid(2)]);
    expect(await log()).toBe('1 3 4 2 ');
  });
});

test('R3, R4: by the numbers of a FIFO queue each message acts once, also when it comes again', async () => {
  channel = await newChannel(queue, true);
  const settings = { queueUrl: channel.queueUrl, onFailure: 'skip' } as const;
  const made = () => consumer({ version: 'sequence-number' }, settings);
  for (const n of ['a', 'b', 'c']) await pay(n, 'g');
  await pump(queue, channel, made().handler);
  await pump(queue, channel, made().handler);
  expect(await log()).toBe('a b c ');
  expect(() => consumer({ version: 'sequence-number' })).toThrow('queueUrl');
});
