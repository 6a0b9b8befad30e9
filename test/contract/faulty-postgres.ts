import { Pool, type PoolClient } from 'pg';
import type { PostgresClient, PostgresPool, SqlResult } from '../../runtime/postgres/client.js';

/** A pool of real connections, some of whose statements come to harm. What it counts down is set by a test. */
export class FaultyPostgres implements PostgresPool {
  /** The next so many COMMITs are carried out, and their connections break before the answer. */
  lost = 0;
  /** The next so many COMMITs do not arrive, and their connections break. */
  unsent = 0;
  /** The next so many SELECTs of receipts are not answered, and their connections break. */
  unread = 0;
  /** The next so many COMMITs are refused, because they met another transaction. */
  conflicts = 0;
  /** The next statement of this kind is never answered, nor sent. */
  hangs: 'write' | 'read' | undefined;
  /** Every statement that was sent. */
  readonly sent: string[] = [];
  readonly pool: Pool;
  readonly options = { max: 10 };

  constructor(connectionString: string) {
    this.pool = new Pool({ connectionString, max: this.options.max });
    this.pool.on('error', () => undefined);
  }

  async connect(): Promise<PostgresClient> {
    const client = await this.pool.connect();
    return {
      query: async (text, values) => this.#query(client, text, values),
      release: (destroy) => client.release(destroy),
      on: (event, listener) => client.on(event, listener),
      removeListener: (event, listener) => client.removeListener(event, listener),
    };
  }

  async #query(client: PoolClient, text: string, values?: unknown[]): Promise<SqlResult> {
    this.sent.push(text);
    const isRead = /^SELECT/.test(text);
    if (this.hangs === 'read' ? isRead : this.hangs === 'write' && !isRead) {
      this.hangs = undefined;
      return new Promise(() => undefined);
    }
    if (text === 'COMMIT' && this.conflicts > 0) {
      this.conflicts -= 1;
      throw Object.assign(new Error('could not serialize access'), { code: '40001' });
    }
    if (this.unread > 0 && isRead && text.includes('exactly_once.receipts')) {
      this.unread -= 1;
      throw broken();
    }
    if (text === 'COMMIT' && this.unsent > 0) {
      this.unsent -= 1;
      throw broken();
    }
    if (text === 'COMMIT' && this.lost > 0) {
      this.lost -= 1;
      await client.query(text);
      throw broken();
    }
    return client.query(text, values);
  }
}

function broken(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}
