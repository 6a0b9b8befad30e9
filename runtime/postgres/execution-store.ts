import { CommitFailed, DependencyFailed, errorText, InvalidSettings, NewerRow } from '../dedup/errors.js';
import type { ExecutionStore, KeyedWork } from '../dedup/execution-store.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified } from '../dedup/way.js';
import type { Isolation } from './begin.js';
import type { PostgresPool } from './client.js';
import { ask } from './entry.js';
import { isExpired, judge, readReceipt, type ReceiptRow } from './receipts.js';
import type { PostgresStore } from './opening.js';
import { runMessage } from './run-message.js';
import { assertSchema } from './schema.js';
import { Slots } from './slots.js';
import { Conflict, ConnectionLost } from './sql-error.js';
import type { PostgresTx } from './transaction.js';
import { connectionsOf } from './transaction-way.js';

export interface PostgresExecutionStoreOptions {
  readonly pool: PostgresPool;
  /** How long a receipt counts, in seconds. */
  readonly windowSeconds: number;
  /** @default 'repeatable read' */
  readonly isolation?: Isolation;
  /** Whether transactions have `tx.once`, whose leases are written on connections of their own. @default false */
  readonly leases?: boolean;
}

/**
 * Answered work on Postgres: one transaction takes the identity, runs the handler, keeps the answer, and commits.
 *
 * Whoever comes with an identity that an open transaction has waits for it, as long as there is time.
 */
export class PostgresExecutionStore implements ExecutionStore<PostgresTx> {
  /** Text in a row may have 1 GB. This is what is still read and sent at once without a thought. */
  readonly answerBytes = 32 * 1024 * 1024;
  readonly takesFirst = true;
  readonly #store: PostgresStore;
  /** With leases: half of the connections are for them, or all would wait for each other. */
  readonly #slots: Slots | undefined;

  /** @throws InvalidSettings when leases would wait for the only connection of the pool. */
  constructor({ pool, windowSeconds, isolation = 'repeatable read', leases }: PostgresExecutionStoreOptions) {
    const most = connectionsOf(pool);
    if (leases === true && most < 2)
      throw new InvalidSettings([
        `leases need a second connection beside that of the transaction, the pool has ${most}`,
      ]);
    this.#store = { pool, isolation, retentionSeconds: windowSeconds };
    if (leases === true) this.#slots = new Slots(Math.floor(most / 2));
  }

  async commit(work: KeyedWork<PostgresTx>, limits: Limits): Promise<Outcome> {
    // What the handler threw last, to tell it from what went wrong with the database.
    const thrown: { last?: unknown } = {};
    const handle = (tx: PostgresTx) =>
      work.handle(tx).catch((error: unknown) => {
        thrown.last = error;
        throw error;
      });
    const run = () => runMessage(this.#store, { ...work, handle, expires: true, throwsOnce: true }, limits);
    try {
      await assertSchema(this.#store.pool, limits);
      const outcome = await (this.#slots === undefined ? run() : this.#slots.run(limits, run));
      if (outcome.kind === 'ignored') return { kind: 'retry', error: told(thrown.last, thrown.last) };
      if (outcome.kind !== 'retry' || outcome.error === undefined) return outcome;
      return { kind: 'retry', error: told(outcome.error, thrown.last) };
    } catch (error) {
      return { kind: 'retry', error: told(error, thrown.last) };
    }
  }

  async recall(of: Identified, limits: Limits): Promise<Outcome | undefined> {
    const { pool } = this.#store;
    await assertSchema(pool, limits);
    const { rows } = await ask(pool, limits, readReceipt, [of.id]);
    const row = rows[0] as unknown as ReceiptRow | undefined;
    return row === undefined || isExpired(row) ? undefined : judge(row, of);
  }
}

/**
 * What is known of a commit that was not made: whose error it is, or that nothing is committed, or that nobody knows.
 *
 * @throws what the handler has thrown, and what makes its transaction one that can never be committed.
 */
function told(error: unknown, thrownByHandler: unknown): unknown {
  const isOfDatabase = error instanceof Conflict || error instanceof ConnectionLost;
  if (!isOfDatabase) {
    if (error === thrownByHandler) throw error;
    if (error instanceof CommitFailed || error instanceof NewerRow) return error;
    if (!(error instanceof DependencyFailed)) throw error;
  }
  return new CommitFailed(`nothing is committed: ${errorText(error)}`, {
    cause: error,
    nothingWritten: true,
  });
}
