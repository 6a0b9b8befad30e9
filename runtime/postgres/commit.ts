import { crashPoint } from '../dedup/crash-points.js';
import { CommitFailed, errorText } from '../dedup/errors.js';
import { NotSent, type Connection } from './connection.js';
import { isJudged, statementError } from './sql-error.js';

/** COMMIT was sent, and not answered. */
export class CommitUnanswered extends CommitFailed {
  override name = 'CommitUnanswered';
}

/** @throws CommitUnanswered when it is not known whether it is committed. Of all else it is known that it is not. */
export async function commitTransaction(connection: Connection): Promise<void> {
  await crashPoint('before-commit');
  try {
    const { command } = await connection.raw('COMMIT');
    // Of a transaction that has failed, Postgres answers to COMMIT that it is rolled back.
    if (command !== undefined && command !== 'COMMIT')
      throw new CommitFailed(`Postgres answered ${command} to COMMIT`, { nothingWritten: true });
  } catch (cause) {
    if (cause instanceof CommitFailed || cause instanceof NotSent) throw cause;
    if (isJudged(cause)) throw statementError(cause);
    throw new CommitUnanswered(`COMMIT was not answered, its outcome is not known: ${errorText(cause)}`, {
      cause,
    });
  }
  await crashPoint('after-commit');
}
