import type { Pool } from 'pg';
import { Meter } from '../../runtime/dedup/meter.js';
import { PostgresExecutionStore } from '../../runtime/postgres/execution-store.js';
import type { PostgresTx } from '../../runtime/postgres/index.js';
import { testPostgres } from '../fixtures/postgres.js';

const postgres = testPostgres();
let pool: Pool;
let ids = 0;
beforeAll(async () => {
  ({ pool } = await postgres.pool());
  await pool.query('CREATE TABLE words (word text)');
});
beforeEach(async () => {
  await pool.query('DELETE FROM words');
});

const write = async (tx: PostgresTx, word: string) => tx.query('INSERT INTO words VALUES ($1)', [word]);
const fail = async (tx: PostgresTx) => tx.query('SELECT nonsense');
const words = async () =>
  (await pool.query<{ word: string }>('SELECT word FROM words ORDER BY word')).rows.map(({ word }) => word);

/** Runs a handler, and says what its transaction has come to. */
async function run(handle: (tx: PostgresTx) => Promise<unknown>, ms = 10_000) {
  const store = new PostgresExecutionStore({ pool, windowSeconds: 60 });
  return store.commit(
    { id: `test#${(ids += 1)}`, fingerprint: 'f', handle },
    { deadline: Date.now() + ms, meter: new Meter() },
  );
}

test('of several at once each undoes what is its own, whichever fails, and whenever', async () => {
  const outcome = await run(async (tx) => {
    const settled = await Promise.allSettled([
      tx.savepoint(async () => {
        await write(tx, 'a');
        await tx.query('SELECT pg_sleep(0.02)');
        await fail(tx);
      }),
      tx.savepoint(async () => write(tx, 'b')),
      tx.savepoint(async () => {
        await write(tx, 'c');
        await fail(tx);
      }),
      tx.savepoint(async () => write(tx, 'd')),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
  });
  expect(outcome).toEqual({ kind: 'processed' });
  expect(await words()).toEqual(['b', 'd']);
});

test('a statement beside one that fails stands, whenever it was sent', async () => {
  const outcome = await run(async (tx) => {
    await Promise.all([
      write(tx, 'before'),
      tx
        .savepoint(async () => {
          await write(tx, 'within');
          await fail(tx);
        })
        .catch(() => undefined),
      write(tx, 'beside'),
      new Promise((resolve) => setImmediate(resolve)).then(async () => write(tx, 'later')),
    ]);
    await write(tx, 'after');
  });
  expect(outcome).toEqual({ kind: 'processed' });
  expect(await words()).toEqual(['after', 'before', 'beside', 'later']);
});

test('those within another one go on within it, several at once too', async () => {
  const outcome = await run(async (tx) => {
    await tx.savepoint(async () => {
      await write(tx, 'outer');
      await Promise.allSettled([
        tx.savepoint(async () => write(tx, 'inner')),
        tx.savepoint(async () => {
          await write(tx, 'failed');
          await tx.savepoint(async () => write(tx, 'innermost'));
          await fail(tx);
        }),
      ]);
    });
    await expect(
      tx.savepoint(async () => {
        await tx.savepoint(async () => write(tx, 'gone with the outer one'));
        await fail(tx);
      }),
    ).rejects.toThrow('nonsense');
  });
  expect(outcome).toEqual({ kind: 'processed' });
  expect(await words()).toEqual(['inner', 'outer']);
});

test('what waits behind one when the handler returns is never sent', async () => {
  const left: Promise<unknown>[] = [];
  await expect(
    run(async (tx) => {
      left.push(tx.savepoint(async () => tx.query('SELECT pg_sleep(0.05)')));
      left.push(tx.savepoint(async () => write(tx, 'late')));
      left.push(write(tx, 'late as well'));
      await Promise.resolve();
    }),
  ).rejects.toThrow('after the handler had returned');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await words()).toEqual([]);
});

test('a connection that breaks with what the operating system says, EPIPE, is an outage and not an answer', async () => {
  const own = (await postgres.pool({ max: 2 })).pool;
  await own.query('CREATE TABLE words (word text)');
  const connections = new Set<{ connection: { stream: { destroy(error: Error): void } } }>();
  own.on('acquire', (client) => connections.add(client as never));
  let runs = 0;
  const outcome = await new PostgresExecutionStore({ pool: own, windowSeconds: 60 }).commit(
    {
      ...{ id: 'test#epipe', fingerprint: 'f' },
      handle: async (tx) => {
        await write(tx, 'once');
        if ((runs += 1) > 1) return;
        const asked = tx.query('SELECT pg_sleep(1)');
        await new Promise((resolve) => setTimeout(resolve, 20));
        // What Node tells of a write to a connection that the other side has closed.
        const error = Object.assign(new Error('write EPIPE'), {
          code: 'EPIPE',
          errno: -32,
          syscall: 'write',
        });
        for (const { connection } of connections) connection.stream.destroy(error);
        await asked;
      },
    },
    { deadline: Date.now() + 10_000, meter: new Meter() },
  );
  expect(outcome).toEqual({ kind: 'processed' });
  expect((await own.query('SELECT word FROM words')).rows).toEqual([{ word: 'once' }]);
});
