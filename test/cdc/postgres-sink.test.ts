import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import { postgresSink, postgresSinkTable, SinkUnavailable, type SqlPool } from '../../runtime/cdc/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { sinkFaultContract, unavailable } from './fault-contract.js';
import { sinkContract, type OpenedSink } from './sink-contract.js';

const postgres = testPostgres();

/** Counts every write of a row: a row that is written twice shows. */
const schema = `
  CREATE TABLE payments (id text PRIMARY KEY, v text NOT NULL CHECK (v <> 'forbidden'), writes int NOT NULL DEFAULT 1);
  CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.writes := OLD.writes + 1; RETURN NEW; END $$;
  CREATE TRIGGER written BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION written();
  CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
  CREATE TRIGGER refused BEFORE INSERT ON payments FOR EACH ROW WHEN (NEW.v = 'by trigger') EXECUTE FUNCTION refused();
`;
const tables = {
  'shop.public.payments': { table: 'payments', key: ['id'], columns: ['v'] },
};

sinkContract('the Postgres sink', () => open(), { keeps: 'rows', refusedRow: { id: 'bad', v: 'forbidden' } });
sinkContract('the Postgres sink, where transactions are serializable', () => open('serializable'), {
  keeps: 'rows',
  refusedRow: { id: 'bad', v: 'forbidden' },
});

sinkFaultContract('the Postgres sink', () => open(), {
  keepsRows: true,
  refused: [
    ['with a column that nobody has named', { id: 'w', v: 'x', extra: 1 }, 'SchemaChanged'],
    ['without a column', { id: 'w' }, 'SchemaChanged'],
    ['without its key', { id: null, v: 'x' }, 'SchemaChanged'],
    ['under a new key, without its large value', { id: 'w', v: unavailable }, 'ValueMissing'],
    ['whose value a constraint forbids', { id: 'w', v: 'forbidden' }, 'RowRefused'],
    ['that a trigger refuses', { id: 'w', v: 'by trigger' }, 'RowRefused'],
    // Random, so that it is not compressed: an entry of an index has 2,704 bytes at most.
    ['whose key is too large', { id: randomBytes(4_000).toString('hex'), v: 'x' }, 'RowRefused'],
  ],
});

async function open(isolation = 'read committed'): Promise<OpenedSink> {
  const pool = new Pool({
    connectionString: await postgres.database(),
    options: `-c default_transaction_isolation=${isolation.replace(' ', String.raw`\ `)}`,
  });
  await pool.query(schema);
  await pool.query(postgresSinkTable());
  return {
    topic: 'shop.public.payments',
    sink: ({ loseAnswers = 0 } = {}) =>
      postgresSink({ name: 'model', pool: losing(pool, loseAnswers), tables }),
    unusable: () => postgresSink({ name: 'model', pool, tables, offsets: 'not_there' }),
    held: async () =>
      (await pool.query<{ id: string; v: string; writes: number }>('SELECT * FROM payments')).rows,
    clear: async () => {
      await pool.query('TRUNCATE payments, exactly_once_sink');
    },
    close: () => pool.end(),
  };
}

/** Commits are made, and the next so many answers are lost. */
function losing(pool: Pool, answers: number): SqlPool {
  let left = answers;
  return {
    async connect() {
      const client = await pool.connect();
      return {
        async query(text: string, values?: readonly unknown[]) {
          const answer = await client.query(text, values === undefined ? undefined : [...values]);
          if (text !== 'COMMIT' || left === 0) return answer;
          left -= 1;
          throw new Error('Connection terminated unexpectedly');
        },
        release: (error?: Error | boolean) => client.release(error),
      };
    },
  };
}

test('a session that the server gives up between two statements fails its write, and not the process', async () => {
  const pool = new Pool({ connectionString: await postgres.database() });
  await pool.query(schema);
  await pool.query(postgresSinkTable());
  let ends = true;
  const ending: SqlPool = {
    async connect() {
      const client = await pool.connect();
      return {
        async query(text: string, values?: readonly unknown[]) {
          const answer = await client.query(text, values === undefined ? undefined : [...values]);
          if (!ends || !text.startsWith('BEGIN')) return answer;
          ends = false;
          // As the server ends one that was frozen within its transaction.
          const gone = new Promise((resolve) => client.once('end', resolve));
          const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
          await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
          await gone;
          return answer;
        },
        release: (error?: Error | boolean) => client.release(error),
        on: (event: 'error', listener: (error: Error) => void) => client.on(event, listener),
        off: (event: 'error', listener: (error: Error) => void) => client.off(event, listener),
      };
    },
  };
  const sink = postgresSink({ name: 'model', pool: ending, tables });
  const partition = { topic: 'shop.public.payments', topicId: 'id', partition: 0 };
  const batch = { partition, from: { next: 0n }, to: { next: 1n }, changes: [] };
  await expect(sink.write(batch)).rejects.toBeInstanceOf(SinkUnavailable);
  expect(await sink.write(batch)).toEqual({ next: 1n });
  await pool.end();
});
