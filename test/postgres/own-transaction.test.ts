import { randomUUID } from 'node:crypto';
import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import knex from 'knex';
import { Kysely, PostgresDialect, sql as kyselySql } from 'kysely';
import { Pool } from 'pg';
import postgresJs from 'postgres';
import { KeyReused } from '../../runtime/dedup/errors.js';
import { migrate } from '../../runtime/postgres/migrate.js';
import { receive, type Identity } from '../../runtime/postgres/receive.js';
import {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPg,
  fromPostgresJs,
  fromPrisma,
  type SqlPort,
} from '../../runtime/postgres/sql-port.js';
import { testPostgres } from '../fixtures/postgres.js';

const postgres = testPostgres();

/** A package with which somebody runs a transaction of their own. */
interface Package {
  /** Runs work in a transaction: commits when it returns, rolls back when it throws. `add`: adds 1 to the counter. */
  transaction<T>(work: (port: SqlPort, add: (name: string) => Promise<unknown>) => Promise<T>): Promise<T>;
  close(): Promise<unknown>;
}

const adding = (name: string) =>
  `INSERT INTO counters AS c VALUES ('${name}', 1) ON CONFLICT (name) DO UPDATE SET value = c.value + 1`;

const packages: Record<string, (url: string) => Package> = {
  pg: (connectionString) => {
    const pool = new Pool({ connectionString });
    return {
      async transaction(work) {
        const client = await pool.connect();
        try {
          await client.query('BEGIN');
          const value = await work(fromPg(client), async (name) => client.query(adding(name)));
          await client.query('COMMIT');
          return value;
        } catch (error) {
          await client.query('ROLLBACK');
          throw error;
        } finally {
          client.release();
        }
      },
      close: async () => pool.end(),
    };
  },
  Kysely: (connectionString) => {
    const db = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ connectionString }) }) });
    return {
      transaction: async (work) =>
        db
          .transaction()
          .execute(async (trx) =>
            work(fromKysely(trx), async (name) => kyselySql.raw(adding(name)).execute(trx)),
          ),
      close: async () => db.destroy(),
    };
  },
  'Drizzle on node-postgres': (connectionString) => {
    const pool = new Pool({ connectionString });
    const db = drizzle(pool);
    return {
      transaction: async (work) =>
        db.transaction(async (tx) =>
          work(fromDrizzle(tx, drizzleSql), async (name) => tx.execute(drizzleSql.raw(adding(name)))),
        ),
      close: async () => pool.end(),
    };
  },
  'Drizzle on postgres.js': (url) => {
    const client = postgresJs(url);
    const db = drizzlePostgresJs(client);
    return {
      transaction: async (work) =>
        db.transaction(async (tx) =>
          work(fromDrizzle(tx, drizzleSql), async (name) => tx.execute(drizzleSql.raw(adding(name)))),
        ),
      close: async () => client.end(),
    };
  },
  Knex: (connection) => {
    const db = knex({ client: 'pg', connection });
    return {
      transaction: async (work) =>
        db.transaction(async (trx) => work(fromKnex(trx), async (name) => trx.raw(adding(name)))),
      close: async () => db.destroy(),
    };
  },
  'postgres.js': (url) => {
    const db = postgresJs(url);
    return {
      transaction: async <T>(
        work: (port: SqlPort, add: (name: string) => Promise<unknown>) => Promise<T>,
      ): Promise<T> =>
        (await db.begin(async (sql) =>
          work(fromPostgresJs(sql), async (name) => sql.unsafe(adding(name))),
        )) as T,
      close: async () => db.end(),
    };
  },
  // The package itself is not installed: this is the least that its transactions have.
  'what looks like Prisma': (connectionString) => {
    const pool = new Pool({ connectionString });
    return {
      async transaction(work) {
        const client = await pool.connect();
        const $queryRawUnsafe = async (text: string, ...values: unknown[]) =>
          (await client.query(text, values)).rows as unknown;
        try {
          await client.query('BEGIN');
          const value = await work(fromPrisma({ $queryRawUnsafe }), async (name) =>
            client.query(adding(name)),
          );
          await client.query('COMMIT');
          return value;
        } catch (error) {
          await client.query('ROLLBACK');
          throw error;
        } finally {
          client.release();
        }
      },
      close: async () => pool.end(),
    };
  },
};

describe.each(Object.entries(packages))('in a transaction of %s', (_, open) => {
  let its: Package;
  let pool: Pool;
  beforeAll(async () => {
    const url = await postgres.database();
    pool = new Pool({ connectionString: url });
    await migrate({ pool });
    await pool.query('CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)');
    its = open(url);
  });
  afterAll(async () => Promise.all([its.close(), pool.end()]));

  const identity = (): Identity => ({
    consumerName: 'ledger',
    key: `it's ${randomUUID()} \\ $1 ?`,
    payload: { amount: 1 },
    retentionSeconds: 3600,
  });
  const count = async (name: string) =>
    (await pool.query<{ value: number }>('SELECT value FROM counters WHERE name = $1', [name])).rows[0]
      ?.value ?? 0;
  const act = async (message: Identity, counter: string, result?: unknown) =>
    its.transaction(async (port, add) => {
      const received = await receive(port, message);
      if (received.kind === 'duplicate') return received;
      await add(counter);
      if (result !== undefined) await received.keep(result);
      return received;
    });

  test('the first acts, and the second is a duplicate with what the first one kept', async () => {
    const [message, counter] = [identity(), randomUUID()];
    expect((await act(message, counter, { big: 2n ** 70n })).kind).toBe('first');
    expect(await act(message, counter)).toEqual({ kind: 'duplicate', result: { big: 2n ** 70n } });
    expect(await count(counter)).toBe(1);
  });

  test('of eight at the same time one acts', async () => {
    const [message, counter] = [identity(), randomUUID()];
    const all = await Promise.all(Array.from({ length: 8 }, async () => act(message, counter)));
    expect(all.filter(({ kind }) => kind === 'first')).toHaveLength(1);
    expect(await count(counter)).toBe(1);
  });

  test('another payload under the same key is refused', async () => {
    const [message, counter] = [identity(), randomUUID()];
    await act(message, counter);
    await expect(act({ ...message, payload: { amount: 2 } }, counter)).rejects.toThrow(KeyReused);
    expect(await count(counter)).toBe(1);
  });

  test('one that is rolled back is forgotten, and acts when it comes again', async () => {
    const [message, counter] = [identity(), randomUUID()];
    const rolledBack = its.transaction(async (port, add) => {
      await receive(port, message);
      await add(counter);
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect(await count(counter)).toBe(0);
    expect((await act(message, counter)).kind).toBe('first');
    expect(await count(counter)).toBe(1);
  });
});

test.each(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'])(
  'at %s one that began before the first committed does not act as well',
  async (level) => {
    const pool = new Pool({ connectionString: await postgres.database() });
    await migrate({ pool });
    const message = { consumerName: 'ledger', key: 'k', payload: 1, retentionSeconds: 60 };
    const [one, two] = [await pool.connect(), await pool.connect()];
    // Its snapshot is taken before the other one commits.
    await one.query(`BEGIN ISOLATION LEVEL ${level}`);
    await one.query('SELECT 1');
    await two.query('BEGIN');
    await receive(fromPg(two), message);
    await two.query('COMMIT');
    const told = await receive(fromPg(one), message).catch((error: unknown) => error);
    expect(level === 'READ COMMITTED' ? told : Object(told)).toMatchObject(
      level === 'READ COMMITTED' ? { kind: 'duplicate' } : { code: '40001' },
    );
    await one.query('ROLLBACK');
    for (const client of [one, two]) client.release();
    await pool.end();
  },
);
