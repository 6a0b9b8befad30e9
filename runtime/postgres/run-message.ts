import { backoff } from '../dedup/backoff.js';
import type { Once } from '../dedup/effect.js';
import { DependencyFailed, IgnoreMessage, isFinal } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { valueText } from '../dedup/value-text.js';
import type { PostgresPool } from './client.js';
import { commitTransaction, CommitUnanswered } from './commit.js';
import { ask, type Connection } from './connection.js';
import { HandlerTooSlow } from './errors.js';
import { IdentityTaken, Opening, type PostgresStore } from './opening.js';
import { isOver } from './patience.js';
import {
  judge,
  keepResult,
  readReceipt,
  renewBelow,
  renewReceipt,
  type Draft,
  type ReceiptRow,
} from './receipts.js';
import { Conflict, ConnectionLost } from './sql-error.js';
import { Transaction, type PostgresTx } from './transaction.js';

/** One message, and what is to be done about it. */
export interface Work extends Draft {
  readonly handle: (tx: PostgresTx) => unknown;
  readonly once?: Once;
  /** Its transaction opens with the first statement of its handler, or after it. @default false: before it */
  readonly opensLate?: boolean;
}

/** What one try has come to, when it is no outcome: it is tried again, and why. */
class Again {
  constructor(readonly cause: unknown) {}
}

/** Tries that meet another transaction. Each loser lets somebody else through, so ten lose only in a crowd. */
const maxTries = 10;
/** Connections that break under one message: the pool may hold several of a server that has failed over. */
const maxBroken = 3;

/**
 * Runs one message in a transaction of its own: takes its identity, runs the handler, commits both. Never throws.
 *
 * What met another transaction runs again on what is stored then. When the answer to COMMIT is lost, the same is done
 * on another connection: the receipt tells, and waits for a transaction that is not over yet.
 */
export async function runMessage(store: PostgresStore, work: Work, limits: Limits): Promise<Outcome> {
  if (isOver(limits)) return { kind: 'retry' };
  const tokens = new Set<string>();
  let threw = 0;
  for (let tries = 1, broken = 0; ; tries += 1) {
    const tried = await attempt(store, work, { tokens, limits, mayThrow: threw > 0 });
    if (!(tried instanceof Again)) return tried;
    const { cause } = tried;
    if (!(cause instanceof DependencyFailed)) threw += 1;
    else if (!(cause instanceof Conflict)) broken += 1;
    if (isOver(limits) || tries >= maxTries || broken >= maxBroken) return { kind: 'retry', error: cause };
    if (cause instanceof DependencyFailed) {
      limits.meter.conflicts += 1;
      await backoff(tries - 1, limits.deadline);
    }
  }
}

interface Try {
  /** Of all tries. */
  readonly tokens: Set<string>;
  readonly limits: Limits;
  /** What the handler throws after it has read counts: it stands on a second look (R47). */
  readonly mayThrow: boolean;
}

async function attempt(
  store: PostgresStore,
  work: Work,
  { tokens, limits, mayThrow }: Try,
): Promise<Outcome | Again> {
  const opening = new Opening(store, work, limits);
  let tx: Transaction | undefined;
  try {
    if (work.opensLate !== true && !(await opening.open()))
      return await notTaken(opening.opened, store, work, { tokens, limits });
    tx = new Transaction(opening, work.once);
    await run(opening, tx, work);
    tokens.add(opening.token);
    await commitTransaction(opening.opened);
    return { kind: 'processed' };
  } catch (error) {
    let thrown = tx?.close(error) ?? error;
    if (thrown instanceof IdentityTaken)
      try {
        return await notTaken(opening.opened, store, work, { tokens, limits });
      } catch (cause) {
        thrown = cause;
      }
    await opening.rollBack();
    // One that opens late may take hours: what only says "try again" is another look when it comes again.
    const mayRun = work.opensLate !== true || isFinal(thrown);
    return verdict(thrown, tx?.mayThrowAnother === true && !mayThrow && mayRun);
  } finally {
    opening.giveBack();
  }
}

function verdict(thrown: unknown, again: boolean): Outcome | Again {
  if (thrown instanceof IgnoreMessage) return { kind: 'ignored' };
  if ([Conflict, ConnectionLost, CommitUnanswered].some((kind) => thrown instanceof kind))
    return new Again(thrown);
  // What an effect outside the database is short of, or its lease, comes again later.
  if (again && !(thrown instanceof DependencyFailed)) return new Again(thrown);
  return isFinal(thrown) ? { kind: 'rejected', error: thrown } : { kind: 'retry', error: thrown };
}

async function run(opening: Opening, tx: Transaction, work: Work): Promise<void> {
  // In a chain, because a handler may throw before it returns a promise.
  const handled = Promise.resolve(tx).then(work.handle);
  const late = () =>
    opening.isBusy
      ? new DependencyFailed('Postgres has not answered the handler by the deadline')
      : new HandlerTooSlow();
  const result = await opening.for(handled, late);
  tx.seal();
  const connection = await opening.connection();
  if (result !== undefined) await connection.send(keepResult, [valueText(result), work.id]);
}

/** The identity is somebody's: whose, says the receipt. */
async function notTaken(
  connection: Connection,
  { pool, retentionSeconds }: PostgresStore,
  work: Work,
  { tokens, limits }: Pick<Try, 'tokens' | 'limits'>,
): Promise<Outcome | Again> {
  const { rows } = await connection.send(readReceipt, [work.id]);
  await connection.send('ROLLBACK');
  const row = rows[0] as unknown as ReceiptRow | undefined;
  // Pruned in between.
  if (row === undefined) return new Again(new Conflict('the receipt was pruned meanwhile'));
  const outcome = judge(row, work, tokens);
  if (outcome.kind === 'duplicate') await noteDuplicate(pool, row, retentionSeconds, limits);
  return outcome;
}

/** Measures the receipt's age, and renews it when little of its life is left (R8). Never throws. */
export async function noteDuplicate(
  pool: PostgresPool,
  { id, left }: ReceiptRow,
  retentionSeconds: number,
  limits: Limits,
): Promise<void> {
  limits.meter.receiptAges.push(retentionSeconds - left);
  if (left >= renewBelow * retentionSeconds) return;
  // What is not renewed is left to the next copy.
  await ask(pool, limits, renewReceipt, [id, retentionSeconds]).catch(() => undefined);
}
