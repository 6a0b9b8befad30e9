/**
 * - `read committed`: each statement sees what is committed when it begins. A handler that reads and then writes what
 *   it made of that must lock the row (`FOR UPDATE`), or an update in between is lost.
 * - `repeatable read`: of two that change the same row one runs again, so no update is lost.
 * - `serializable`: the same for all that a handler reads, rows that it does not write included.
 *
 * @see https://www.postgresql.org/docs/current/transaction-iso.html
 */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

/**
 * Begins a transaction of the library's own, which reads behind the locks that it takes: each statement has to see
 * what is committed by then, and a database, a role or a pool may have another default.
 */
export const beginOwn = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE';

/** A server waits no longer than this for anything, whatever time is left. */
const longestMs = 15 * 60_000;

/**
 * Begins a transaction that ends by itself before whoever began it has no time left: a statement, a wait for a lock,
 * and a pause between two statements each end it. One round trip, and by SET LOCAL, which ends with the transaction:
 * SET would pin a connection of RDS Proxy.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
 */
export function beginText(isolation: Isolation, leftMs: number): string {
  const ms = Math.max(1, Math.min(longestMs, Math.floor(leftMs)));
  return (
    `BEGIN ISOLATION LEVEL ${isolation.toUpperCase()}; SET LOCAL statement_timeout = ${ms}; ` +
    `SET LOCAL lock_timeout = ${ms}; SET LOCAL idle_in_transaction_session_timeout = ${ms}`
  );
}
