import { CommitFailed, DependencyFailed, errorText } from '../dedup/errors.js';
import { Meter } from '../dedup/meter.js';
import type { PostgresPool, SqlResult } from './client.js';
import { ask } from './entry.js';
import { NewerSchema, SchemaNotReady } from './errors.js';
import { isUndefinedName } from './sql-error.js';
import type { SqlPort } from './sql-port.js';

/** A look at a row that says who does what, or a word about it, waits this long. */
const patienceMs = 10_000;

/** One statement beside any transaction that is open. @throws DependencyFailed when nobody answers. */
export async function look(pool: PostgresPool, text: string, values: readonly unknown[]): Promise<SqlResult> {
  return ask(pool, { deadline: Date.now() + patienceMs, meter: new Meter() }, text, values);
}

/**
 * One in a transaction of the user's.
 *
 * @throws SchemaNotReady when the tables are not there, or older than it needs; else what the client throws.
 */
export async function within(
  port: SqlPort,
  text: string,
  values: readonly unknown[],
): ReturnType<SqlPort['executeSql']> {
  try {
    return await port.executeSql(text, values);
  } catch (cause) {
    throw isUndefinedName(cause) ? new SchemaNotReady(undefined, undefined, { cause }) : cause;
  }
}

/**
 * One beside any transaction that writes.
 *
 * @param what is written, for the error: `a lease`
 * @throws SchemaNotReady, NewerSchema: nothing is written.
 * @throws CommitFailed when it is not known whether it is written.
 */
export async function write(
  pool: PostgresPool,
  what: string,
  text: string,
  values: readonly unknown[],
): Promise<SqlResult> {
  try {
    return await look(pool, text, values);
  } catch (cause) {
    const isUnfit = cause instanceof SchemaNotReady || cause instanceof NewerSchema;
    if (isUnfit || !(cause instanceof DependencyFailed)) throw cause;
    throw new CommitFailed(`${what} was not written, or that is not known: ${errorText(cause)}`, { cause });
  }
}

/** A reason that a row can hold: Postgres knows no NUL, and UTF-8 no lone surrogate. */
export function storableReason(reason: string): string {
  return reason.toWellFormed().replaceAll('\0', '\uFFFD');
}
