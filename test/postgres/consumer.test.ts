import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import { Pool } from 'pg';
import * as z from 'zod/mini';
import { errorText, GroupNotStopped, RejectMessage } from '../../runtime/dedup/errors.js';
import {
  decidePostgresGroup,
  listPostgresGroups,
  postgresConsumer,
  type PostgresTx,
} from '../../runtime/postgres/index.js';
import type { BatchSummary } from '../../runtime/telemetry/batch-summary.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';

const postgres = testPostgres();
const queue = sqs();
let pool: Pool;
let deadLetterQueueUrl: string;
beforeAll(async () => {
  ({ pool } = await postgres.pool({ max: 4 }));
  await pool.query('CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)');
  await pool.query('CREATE TABLE steps (at serial, name text NOT NULL, step integer NOT NULL)');
  deadLetterQueueUrl = await newFifoQueue(queue);
});
afterAll(() => queue.destroy());

const Body = z.object({ id: z.string(), counter: z.string() });
type Given = z.infer<typeof Body>;
type Handle = (body: Given, tx: PostgresTx) => unknown;

const add = async (tx: PostgresTx, counter: string) =>
  tx.query('INSERT INTO counters AS c VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = c.value + 1', [
    counter,
  ]);
const count = async (name: string) =>
  (await pool.query<{ value: number }>('SELECT value FROM counters WHERE name = $1', [name])).rows[0]
    ?.value ?? 0;

const summaries: BatchSummary[] = [];
const problems = () => summaries.flatMap((summary) => summary.problems);
beforeEach(() => {
  summaries.length = 0;
});

function consumer(
  handle: Handle,
  more: { maxFailures?: number; consumerName?: string; onFailure?: 'stop' | 'skip' } = {},
) {
  return postgresConsumer({
    settings: { consumerName: 'ledger', deadLetterQueueUrl, ...more },
    receiptRetentionSeconds: 3600,
    schema: Body,
    pool,
    sqs: queue,
    key: ({ body }) => body.id,
    handle: ({ body }, tx) => handle(body, tx),
    observe: (summary) => summaries.push(summary),
  });
}

const run = async (of: ReturnType<typeof consumer>, Records: SQSRecord[], ms = 30_000) => {
  const end = Date.now() + ms;
  return of({ Records }, { getRemainingTimeInMillis: () => end - Date.now() });
};
const again = (one: SQSRecord, times = 2): SQSRecord => ({
  ...one,
  attributes: { ...one.attributes, ApproximateReceiveCount: String(times) },
});
const message = (group?: string, counter: string = randomUUID()) => {
  const body = { id: randomUUID(), counter };
  return { body, record: record({ body, group }) };
};

test('each message acts once, however often it comes', async () => {
  const messages = [message('a'), message('a'), message('b')];
  const records = messages.map((one) => one.record);
  const it = consumer(async ({ counter }, tx) => add(tx, counter));
  expect(await run(it, records)).toEqual({ batchItemFailures: [] });
  expect(
    await run(
      it,
      records.map((one) => again(one)),
    ),
  ).toEqual({ batchItemFailures: [] });
  for (const { body } of messages) expect(await count(body.counter)).toBe(1);
});

const odd = ["it's", "'); DROP TABLE counters; --", 'a\\', "a\\'", '$1 $2', "$'", 'ü€', '"', '-- a'];

test.each(odd)(
  'a key of any characters is one identity, and another one acts for itself: %s',
  async (text) => {
    const counter = randomUUID();
    const id = `${randomUUID()} ${text}`;
    const it = consumer(async (_, tx) => add(tx, counter));
    const of = (key: string) => record({ body: { id: key, counter } });
    expect(await run(it, [of(id)])).toEqual({ batchItemFailures: [] });
    expect(await run(it, [of(id)])).toEqual({ batchItemFailures: [] });
    expect(await count(counter)).toBe(1);
    const { rows } = await pool.query('SELECT 1 FROM exactly_once.receipts WHERE id = $1', [`ledger#${id}`]);
    expect(rows).toHaveLength(1);
    expect(await run(it, [of(`${id}'`)])).toEqual({ batchItemFailures: [] });
    expect(await count(counter)).toBe(2);
  },
);

test('a key that holds a NUL is rejected, and does not take the identity of what is before the NUL', async () => {
  const [whole, cut] = [message('a'), message('b')];
  const it = consumer(async ({ counter }, tx) => add(tx, counter));
  const nul = record({ body: { ...whole.body, id: `${cut.body.id}\0` }, group: 'a' });
  expect(await run(it, [nul, cut.record])).toEqual({ batchItemFailures: [] });
  expect(await count(whole.body.counter)).toBe(0);
  expect(await count(cut.body.counter)).toBe(1);
  expect((await drain(queue, deadLetterQueueUrl)).map(({ Body: text }) => text)).toEqual([nul.body]);
});

test('thirty messages of one counter side by side are all counted, also by a handler that reads it first', async () => {
  const counter = randomUUID();
  const it = consumer(async (_, tx) => {
    const { rows } = await tx.query('SELECT value FROM counters WHERE name = $1', [counter]);
    await tx.query(
      'INSERT INTO counters VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      [counter, Number(rows[0]?.value ?? 0) + 1],
    );
  });
  let records = Array.from({ length: 30 }, () => message(undefined, counter).record);
  for (let tries = 1; records.length > 0 && tries < 10; tries += 1) {
    const { batchItemFailures } = await run(it, records);
    const back = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    records = records.filter(({ messageId }) => back.has(messageId)).map((one) => again(one, tries + 1));
  }
  expect(await count(counter)).toBe(30);
});

test('messages of a group act in order, and none behind one that must come again', async () => {
  const group = randomUUID();
  const messages = [message(group), message(group), message(group)];
  const acted: string[] = [];
  let fails = true;
  const it = consumer(async ({ id, counter }, tx) => {
    await add(tx, counter);
    if (id === messages[1]?.body.id && fails) throw new Error('not now');
    acted.push(id);
  });
  const records = messages.map((one) => one.record);
  const { batchItemFailures } = await run(it, records);
  expect(batchItemFailures).toHaveLength(2);
  expect(await count(messages[1]?.body.counter ?? '')).toBe(0);
  fails = false;
  expect(
    await run(
      it,
      records.slice(1).map((one) => again(one)),
    ),
  ).toEqual({ batchItemFailures: [] });
  expect(acted).toEqual(messages.map(({ body }) => body.id));
});

test('what can never succeed goes to the dead letters with the reason, its neighbours act', async () => {
  const [poison, nul, healthy] = [message('a'), message('b'), message('c')];
  const it = consumer(async ({ id, counter }, tx) => {
    await add(tx, counter);
    if (id === poison.body.id) throw new RejectMessage('no such account');
    if (id === nul.body.id) await tx.query('SELECT $1::text', ['\0']);
  });
  expect(await run(it, [poison.record, nul.record, healthy.record])).toEqual({ batchItemFailures: [] });
  const letters = await drain(queue, deadLetterQueueUrl);
  expect(letters.map(({ Body: text }) => text).sort()).toEqual(
    [poison, nul].map(({ record: { body } }) => body).sort(),
  );
  expect(await Promise.all([poison, nul, healthy].map(({ body }) => count(body.counter)))).toEqual([0, 0, 1]);
});

test('failures are counted, not receives: it is given up after its third failure', async () => {
  const one = message('a');
  const it = consumer(
    async ({ counter }, tx) => {
      await add(tx, counter);
      throw new Error('always');
    },
    { maxFailures: 3 },
  );
  for (const times of [1, 2])
    expect((await run(it, [again(one.record, times)])).batchItemFailures).toHaveLength(1);
  expect(await run(it, [again(one.record, 3)])).toEqual({ batchItemFailures: [] });
  expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(1);
  expect(await count(one.body.counter)).toBe(0);
});

test('a group that stops keeps what comes behind, and goes on in order when somebody decides', async () => {
  const sourceUrl = await newFifoQueue(queue);
  const eventSourceARN = `arn:aws:sqs:us-east-1:000000000000:${sourceUrl.split('/').at(-1)}`;
  const from = (one: SQSRecord): SQSRecord => ({ ...one, eventSourceARN });
  const group = randomUUID();
  const [first, second, third] = [message(group), message(group), message(group)];
  let mended = false;
  const acted: string[] = [];
  const it = consumer(
    async ({ id, counter }, tx) => {
      await add(tx, counter);
      if (id === first.body.id && !mended) throw new RejectMessage('stop here');
      acted.push(id);
    },
    // Others of this file skip.
    { onFailure: 'stop', consumerName: 'stopping' },
  );
  expect(await run(it, [from(first.record), from(second.record)])).toEqual({ batchItemFailures: [] });
  expect(await run(it, [from(third.record)])).toEqual({ batchItemFailures: [] });
  expect(acted).toEqual([]);
  mended = true;
  const [stopped] = await listPostgresGroups(pool, 'stopping');
  if (stopped === undefined) throw new Error('the group is not stopped');
  expect(stopped).toMatchObject({ state: 'stopped', group, parked: 3, drained: 0 });
  const decision = { consumerName: 'stopping', stream: stopped.stream, reason: 'mended' };
  await decidePostgresGroup(pool, queue, decision, 'resuming');
  const [nudge] = await drain(queue, sourceUrl);
  const attributes = Object.entries(nudge?.MessageAttributes ?? {}).map(([name, value]) => [
    name,
    { stringValue: value.StringValue, dataType: 'String' },
  ]);
  const nudged = record({ body: '{}', group, messageAttributes: Object.fromEntries(attributes) as never });
  expect(await run(it, [from(nudged)])).toEqual({ batchItemFailures: [] });
  expect(await listPostgresGroups(pool, 'stopping')).toEqual([]);
  await expect(decidePostgresGroup(pool, queue, decision, 'resuming')).rejects.toThrow(GroupNotStopped);
  const next = message(group);
  expect(await run(it, [from(next.record)])).toEqual({ batchItemFailures: [] });
  expect(acted).toEqual([first, second, third, next].map(({ body }) => body.id));
  await drain(queue, deadLetterQueueUrl);
});

describe('a transaction', () => {
  const fails = async (handle: Handle): Promise<string> => {
    summaries.length = 0;
    const one = message('x');
    const { batchItemFailures } = await run(consumer(handle), [one.record]);
    expect(batchItemFailures).toHaveLength(1);
    expect(await count(one.body.counter)).toBe(0);
    return errorText(problems()[0]?.error);
  };

  test('that Postgres has given up is not taken for committed, though the handler went on', async () => {
    const error = await fails(async ({ counter }, tx) => {
      await add(tx, counter);
      await tx.query('SELECT nonsense').catch(() => undefined);
    });
    expect(error).toContain('StatementFailed');
  });

  test.each([
    'COMMIT',
    ' /* so */ rollback',
    '-- well\nEND',
    'Begin',
    'ROLLBACK TO x',
    'SELECT 1; COMMIT; SELECT 2',
    "SELECT ';'; COMMIT",
    "SELECT E'\\';COMMIT --'; commit",
    'SELECT 1 AS "a;b"; /* a /* nested */ one */ commit',
    '/* a /* nested */ one */ COMMIT',
    'SELECT $a$;$b$;$a$; end',
    'SELECT 1 -- one\n; COMMIT',
  ])('is not ended by its handler: %p', async (text) => {
    expect(
      await fails(async ({ counter }, tx) => {
        await add(tx, counter);
        await tx.query(text);
      }),
    ).toContain('TransactionControlRefused');
  });

  test.each([
    'SELECT \'a; COMMIT\' AS "b; COMMIT" /* ; COMMIT */ -- ; COMMIT',
    'SELECT $$; COMMIT; $$, $x$; COMMIT $y$ $x$',
    "SELECT E'\\'; COMMIT', 'it''s; COMMIT'",
    'SELECT 1;',
    'SELECT 1; SELECT 2',
    "SELECT 1 AS e, date'2026-01-01' AS d; SELECT $1 IS NULL WHERE false",
  ])('is not refused for what is quoted: %p', async (text) => {
    const one = message('q');
    const it = consumer(async ({ counter }, tx) => {
      await tx.query(text.replace('$1', 'NULL'));
      await add(tx, counter);
    });
    expect(await run(it, [one.record])).toEqual({ batchItemFailures: [] });
    expect(await count(one.body.counter)).toBe(1);
  });

  test('that cannot be sent is its message’s failure, which is counted, and no outage', async () => {
    const itself: Record<string, unknown> = {};
    itself['itself'] = itself;
    const odd: readonly ((tx: PostgresTx) => unknown)[] = [
      async (tx) => tx.query('SELECT $1::jsonb', [itself]),
      async (tx) => tx.query('SELECT $1::jsonb', [{ big: 1n }]),
      async (tx) => tx.query(undefined as never),
      async (tx) => tx.query({ text: 'COMMIT' } as never),
      async (tx) => tx.query('SELECT 1', 5 as never),
    ];
    for (const [i, ask] of odd.entries()) {
      const [one, next] = [message(`odd-${i}`), message(`odd-${i}`)];
      const it = consumer(
        async ({ id, counter }, tx) => {
          await add(tx, counter);
          if (id === one.body.id) await ask(tx);
        },
        { maxFailures: 2 },
      );
      const records = [one.record, next.record];
      expect((await run(it, records)).batchItemFailures).toHaveLength(2);
      const second = await run(
        it,
        records.map((each) => again(each)),
      );
      expect(second).toEqual({ batchItemFailures: [] });
      expect([await count(one.body.counter), await count(next.body.counter)]).toEqual([0, 1]);
    }
    expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(odd.length);
  });

  test('whose statements are not awaited is no success', async () => {
    const error = await fails(({ counter }, tx) => {
      void add(tx, counter);
    });
    expect(error).toContain('TransactionSealed');
  });

  test('goes on behind a savepoint whose work failed', async () => {
    const one = message('y');
    const it = consumer(async ({ counter }, tx) => {
      await add(tx, counter);
      const failed = tx.savepoint(async () => {
        await add(tx, counter);
        await tx.query('SELECT nonsense');
      });
      await expect(failed).rejects.toThrow('nonsense');
      await tx.savepoint(async () => tx.query('SELECT 1'));
    });
    expect(await run(it, [one.record])).toEqual({ batchItemFailures: [] });
    expect(await count(one.body.counter)).toBe(1);
  });

  test('is not to blame for rights on the tables of the library that nobody has granted', async () => {
    const own = await postgres.pool({ max: 2 });
    const role = `poor_${randomUUID().replaceAll('-', '')}`;
    await own.pool.query(`CREATE ROLE ${role} LOGIN`);
    await own.pool.query(`GRANT USAGE ON SCHEMA exactly_once TO ${role}`);
    await own.pool.query(`GRANT SELECT ON ALL TABLES IN SCHEMA exactly_once TO ${role}`);
    await own.pool.query(`GRANT INSERT, UPDATE ON exactly_once.histories TO ${role}`);
    const url = new URL(own.url);
    url.username = role;
    const poor = new Pool({ connectionString: url.href, max: 2 });
    const letters = await newFifoQueue(queue);
    const it = postgresConsumer({
      settings: { consumerName: 'ledger', deadLetterQueueUrl: letters, maxFailures: 1 },
      receiptRetentionSeconds: 3600,
      schema: Body,
      pool: poor,
      sqs: queue,
      key: ({ body }) => body.id,
      handle: () => 'kept',
      observe: (summary) => summaries.push(summary),
    });
    const one = message('rights');
    for (const rights of ['INSERT', 'UPDATE']) {
      for (const times of [1, 2, 3])
        expect((await run(it, [again(one.record, times)])).batchItemFailures).toHaveLength(1);
      expect(problems().map(({ fault }) => fault)).not.toContain('message');
      await own.pool.query(`GRANT ${rights} ON exactly_once.receipts TO ${role}`);
    }
    expect(await run(it, [again(one.record, 4)])).toEqual({ batchItemFailures: [] });
    expect(await drain(queue, letters)).toEqual([]);
    await poor.end();
  });

  test('whose connection is killed is run again on another one', async () => {
    const one = message('z');
    let killed = 0;
    const it = consumer(async ({ counter }, tx) => {
      await add(tx, counter);
      if (killed === 0) {
        const { rows } = await tx.query('SELECT pg_backend_pid() AS pid');
        await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
        killed += 1;
      }
      await tx.query('SELECT 1');
    });
    expect(await run(it, [one.record])).toEqual({ batchItemFailures: [] });
    expect(killed).toBe(1);
    expect(await count(one.body.counter)).toBe(1);
  });

  test('waits for no lock beyond the time of the invocation, and leaves nothing open behind it', async () => {
    const holder = await pool.connect();
    const one = message('w');
    await holder.query('BEGIN');
    await holder.query('INSERT INTO counters VALUES ($1, 0)', [one.body.counter]);
    const it = consumer(async ({ counter }, tx) => add(tx, counter));
    // The lock is held for as long as this takes.
    expect((await run(it, [one.record], 4_000)).batchItemFailures).toHaveLength(1);
    const waiting = async () =>
      (
        await holder.query<{ n: string }>(
          "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
      ).rows[0]?.n;
    for (let i = 0; i < 40 && (await waiting()) !== '0'; i += 1) await new Promise((r) => setTimeout(r, 50));
    expect(await waiting()).toBe('0');
    await holder.query('ROLLBACK');
    holder.release();
    // It was no failure of the message.
    expect(await run(it, [again(one.record)])).toEqual({ batchItemFailures: [] });
    expect(await count(one.body.counter)).toBe(1);
  });
});
