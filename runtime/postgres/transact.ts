import { CommitFailed, errorText } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import { beginText } from './begin.js';
import type { PostgresPool } from './client.js';
import type { Connection } from './connection.js';
import { openConnection } from './entry.js';

/**
 * Work of the library's own in one transaction, each statement of which sees what is committed.
 *
 * @throws CommitFailed when it is not known what is written, and whatever the work throws: then nothing is.
 */
export async function transact<T>(
  pool: PostgresPool,
  limits: Limits,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await openConnection(pool, limits);
  try {
    await connection.send(beginText('read committed', limits.deadline - Date.now()));
    const value = await work(connection);
    await connection.send('COMMIT').catch((cause: unknown) => {
      throw new CommitFailed(`commit failed or its outcome is unknown: ${errorText(cause)}`, { cause });
    });
    connection.giveBack();
    return value;
  } catch (error) {
    await connection.rollBack();
    throw error;
  }
}
