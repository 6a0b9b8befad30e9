import { Pool } from 'pg';
import { postgresSink, postgresSinkTable, type SqlPool } from '../../runtime/cdc/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { sinkContract } from './sink-contract.js';

const postgres = testPostgres();

/** Counts every write of a row: a row that is written twice shows. */
const schema = `
  CREATE TABLE payments (id text PRIMARY KEY, v text NOT NULL CHECK (v <> 'forbidden'), writes int NOT NULL DEFAULT 1);
  CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.writes := OLD.writes + 1; RETURN NEW; END $$;
  CREATE TRIGGER written BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION written();
`;
const tables = {
  'shop.public.payments': { table: 'payments', key: ['id'], columns: ['v'] },
};

sinkContract(
  'the Postgres sink',
  async () => {
    const pool = new Pool({ connectionString: await postgres.database() });
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
  },
  { keeps: 'rows', refusedRow: { id: 'bad', v: 'forbidden' } },
);

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
