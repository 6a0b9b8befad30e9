import type { PoolClient, Pool } from 'pg';
import type { PostgresClient, PostgresPool, SqlResult } from '../../runtime/postgres/client.js';

/** As Aurora DSQL words them. https://docs.aws.amazon.com/aurora-dsql/latest/userguide/working-with-ddl.html */
const conflicts = {
  OC000: 'change conflicts with another transaction (OC000)',
  OC001: 'schema has been updated by another transaction (OC001)',
};

/** A kind of statement, by what it does. */
function kindOf(text: string): string {
  if (/^BEGIN/.test(text)) return text.includes('receipts') ? 'BEGIN and receipt' : 'BEGIN';
  const [verb = ''] = /^\w+/.exec(text) ?? [];
  const [, table] = /\bexactly_once\.(\w+)/.exec(text) ?? /\b(?:INTO|FROM|UPDATE) (\w+)/.exec(text) ?? [];
  return table === undefined ? verb : `${verb} ${table}`;
}

/**
 * Connections to a real Postgres some of whose statements are refused as an optimistic server refuses them: with
 * SQLSTATE 40001 at COMMIT, when somebody else was faster, or at any statement, when a table was changed. What is
 * refused ends its transaction; until that is rolled back, nothing else is taken on the connection.
 */
export class OptimisticPool implements PostgresPool {
  readonly options = { max: 4 };
  /** How often which kind of statement was refused. */
  readonly refused = new Map<string, number>();

  constructor(
    private readonly pool: Pool,
    /** Whether the next one of this kind is refused. */
    public refuses: (kind: string) => boolean,
  ) {}

  async connect(): Promise<PostgresClient> {
    const client = await this.pool.connect();
    const state = { open: false, over: false };
    return {
      query: async (text, values) => this.#query(client, state, text, values),
      release: (destroy) => client.release(destroy),
      on: (event, listener) => client.on(event, listener),
      removeListener: (event, listener) => client.removeListener(event, listener),
    };
  }

  async #query(
    client: PoolClient,
    state: { open: boolean; over: boolean },
    text: string,
    values?: unknown[],
  ): Promise<SqlResult> {
    if (text === 'ROLLBACK') state.over = state.open = false;
    else if (state.over) {
      if (text === 'COMMIT') return this.#query(client, state, 'ROLLBACK');
      throw Object.assign(new Error('current transaction is aborted'), { code: '25P02' });
    } else {
      const kind = kindOf(text);
      state.open ||= kind.startsWith('BEGIN');
      if (this.refuses(kind)) {
        this.refused.set(kind, (this.refused.get(kind) ?? 0) + 1);
        await client.query('ROLLBACK');
        // One at COMMIT leaves no transaction behind.
        state.over = state.open && text !== 'COMMIT';
        state.open &&= state.over;
        const message = conflicts[text === 'COMMIT' ? 'OC000' : 'OC001'];
        throw Object.assign(new Error(message), { code: '40001' });
      }
      if (text === 'COMMIT') state.open = false;
    }
    return client.query(text, values);
  }
}
