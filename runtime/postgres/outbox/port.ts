import { SchemaNotReady } from '../errors.js';
import { isUndefinedName } from '../sql-error.js';

/** A connection of `pg`, as far as the relays use it. */
export interface RelayConnection {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{
    readonly rows: readonly Readonly<Record<string, unknown>>[];
    readonly rowCount: number | null;
  }>;
}

/** A `Pool` of `pg`. */
export interface RelayPool {
  connect(): Promise<PooledConnection>;
}

interface PooledConnection extends RelayConnection {
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * Works on a connection of the pool. One on which something failed is not used again: what it has locked ends with
 * it.
 *
 * @throws SchemaNotReady when the outbox's tables are not there, or older than this version needs
 */
export async function using<T>(
  pool: RelayPool,
  work: (connection: RelayConnection) => Promise<T>,
): Promise<T> {
  const connection = await pool.connect();
  let broken: Error | undefined;
  // The end of a connection between two statements is an event, which ends the process that does not listen.
  const onError = (error: Error) => void (broken ??= error);
  connection.on('error', onError);
  try {
    return await work(connection);
  } catch (thrown) {
    // Its tables may be in a schema of the user's choice, of which nobody has written down the version.
    const error = isUndefinedName(thrown)
      ? new SchemaNotReady(undefined, undefined, { cause: thrown })
      : thrown;
    broken ??= error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // `pg` emits a last error when it closes a connection that broke: the listener stays on that.
    if (broken === undefined) connection.off('error', onError);
    connection.release(broken);
  }
}
