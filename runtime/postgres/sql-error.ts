import { DependencyFailed, ExactlyOnceError } from '../dedup/error.js';
import { ValueRefused } from './errors.js';
import { sqlStateOf } from './sql-state.js';

/**
 * Conditions under which the same transaction may succeed a little later, by SQLSTATE: it met another one, or a lock.
 *
 * @see https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
 */
const conflicts = /^(40001|40P01|55P03)$/;

/**
 * The server, its resources or the connection: 08 connection, 53 resources, 57 shutdown and cancelled, 58 system, a
 * server that has become read-only, and sessions that were ended for having been idle.
 */
const outages = /^(08|53|57|58|25006|25P03|25P04|40003)/;

/** What no state of the database could make right: the value itself cannot be held. */
const values = /^(22021|22P02|22P03|22P05|22001|22007)$/;

/**
 * Whether a client may have thrown this of a statement or a value that it cannot send, such as one that has no JSON.
 * Of a connection that broke some of them say no more.
 */
export function isOfClient(error: unknown): boolean {
  const { code } = Object(error) as { readonly code?: unknown };
  return code === undefined && !(error instanceof ExactlyOnceError);
}

/** Tables, columns, functions, types, schemas, and indexes that ON CONFLICT asks for. */
const names = /^(42P01|42703|42883|42704|3F000|42P10)$/;

/**
 * Whether a statement named something that is not there. Some clients have what Postgres said as the cause of their
 * own error.
 */
export function isUndefinedName(error: unknown): boolean {
  const { cause } = Object(error) as { readonly cause?: unknown };
  return names.test(sqlStateOf(error) ?? '') || (cause !== undefined && isUndefinedName(cause));
}

/** A statement met another transaction: nothing of this one stands, and it may be tried again. */
export class Conflict extends DependencyFailed {
  override name = 'Conflict';
  override readonly isWithoutData = true;
}

/** The connection broke, or the server went away, before COMMIT was sent: nothing stands, another one may do. */
export class ConnectionLost extends DependencyFailed {
  override name = 'ConnectionLost';
  override readonly isWithoutData = true;
}

/**
 * What a failed statement is to whoever sent it: an outage or a conflict as DependencyFailed, a value that cannot be
 * held as ValueRefused, and whatever else Postgres said as it is: it is the handler's to judge (R44).
 */
export function statementError(cause: unknown): unknown {
  if (cause instanceof ExactlyOnceError) return cause;
  const state = sqlStateOf(cause);
  if (state === undefined)
    return new ConnectionLost('the connection to Postgres broke, or could not be made', { cause });
  if (conflicts.test(state))
    return new Conflict(`the transaction met another one (SQLSTATE ${state})`, { cause });
  if (outages.test(state))
    return new ConnectionLost(`Postgres did not do what was asked (SQLSTATE ${state})`, { cause });
  return values.test(state) ? new ValueRefused(state, { cause }) : cause;
}

/** Postgres refused a statement of the library's own: for want of rights, or because the tables are gone. */
export class OwnStatementRefused extends DependencyFailed {
  override name = 'OwnStatementRefused';
  override readonly isWithoutData = true;
}

/**
 * What a failed statement of the library's own is, beside the handler's in one transaction. No message is to blame
 * for a right that nobody has granted: else a whole queue would be dead letters (R44).
 */
export function ownStatementError(cause: unknown): unknown {
  if (cause instanceof ExactlyOnceError) return cause;
  return new OwnStatementRefused(
    `Postgres refused a statement about a receipt (SQLSTATE ${sqlStateOf(cause) ?? 'unknown'}); look at the rights on exactly_once`,
    { cause },
  );
}

/** Whether it is known, of a COMMIT that failed so, that nothing was committed: Postgres has judged it. */
export function isJudged(cause: unknown): boolean {
  const state = sqlStateOf(cause);
  return state !== undefined && !outages.test(state);
}
