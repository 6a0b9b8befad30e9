import type { Limits } from '../dedup/limits.js';
import type { PostgresPool, SqlResult } from './client.js';
import { Connection } from './connection.js';
import { assertSchema } from './schema.js';

/**
 * The way into a database for everything but what makes its tables: whoever comes first on a pool finds out whether
 * they are those of this version.
 *
 * @throws SchemaNotReady, NewerSchema, and DependencyFailed when no connection is to be had in time.
 */
export async function openConnection(pool: PostgresPool, limits: Limits): Promise<Connection> {
  await assertSchema(pool, limits);
  return Connection.open(pool, limits);
}

/** One statement that needs no transaction of several. @throws as `openConnection` and `Connection.send` do. */
export async function ask(
  pool: PostgresPool,
  limits: Limits,
  text: string,
  values?: readonly unknown[],
): Promise<SqlResult> {
  const connection = await openConnection(pool, limits);
  try {
    return await connection.send(text, values);
  } finally {
    connection.giveBack();
  }
}
