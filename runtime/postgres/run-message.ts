import { backoff } from '../dedup/backoff.js';
import type { Once } from '../dedup/effect.js';
import { asThrown, CommitFailed, DependencyFailed, IgnoreMessage, isFinal } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { valueText } from '../dedup/value-text.js';
import type { PostgresPool } from './client.js';
import { commitTransaction, CommitUnanswered } from './commit.js';
import { ask } from './entry.js';
import { HandlerTooSlow } from './errors.js';
import { IdentityTaken, Opening, type PostgresStore } from './opening.js';
import { isOver } from './patience.js';
import {
  isExpired,
  isTaken,
  judge,
  keepResult,
  readReceipt,
  renewBelow,
  renewReceipt,
  takeExpired,
  type Draft,
  type ReceiptRow,
} from './receipts.js';
import { Conflict, ConnectionLost, ownStatementError } from './sql-error.js';
import { ownRole } from './transaction-control.js';
import { Transaction, type PostgresTx } from './transaction.js';

/** One message, and what is to be done about it. */
export interface Work extends Draft {
  readonly handle: (tx: PostgresTx) => unknown;
  readonly once?: Once;
  /** Its transaction opens with the first statement of its handler, or after it. @default false: before it */
  readonly opensLate?: boolean;
  /**
   * Its receipt counts until its time is over, and not a second longer, and a duplicate does not renew it. For keys
   * of APIs, whose window is part of their contract; that of a message never expires by the clock (R7).
   *
   * @default false
   */
  readonly expires?: boolean;
  /**
   * What its handler throws counts at once. Otherwise it has to stand on a second look, if it has read (R47): for
   * work whose sender is told, and is held to nothing.
   *
   * @default false
   */
  readonly throwsOnce?: boolean;
}

/** Somebody has the identity, and what the receipt says could not be read: nothing is known. */
class ReceiptUnread extends CommitFailed {
  override name = 'ReceiptUnread';
  override readonly isWithoutData = true;
  constructor(options: ErrorOptions) {
    super('somebody has the identity, and the receipt could not be read', options);
  }
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
 * on another connection: the receipt tells, and waits for a transaction that is not over yet. Where that could not be
 * asked in time, the error is the CommitFailed of which nothing is known; of all other errors nothing is committed.
 */
export async function runMessage(store: PostgresStore, work: Work, limits: Limits): Promise<Outcome> {
  if (isOver(limits)) return { kind: 'retry' };
  const tries: Tries = { tokens: new Set(), limits, unanswered: undefined };
  const outcome = await lastOf(store, work, tries);
  return outcome.kind === 'retry' && tries.unanswered !== undefined
    ? { kind: 'retry', error: tries.unanswered }
    : outcome;
}

/** What is known of all tries of a message. */
interface Tries {
  readonly tokens: Set<string>;
  readonly limits: Limits;
  /** The last COMMIT that was not answered, until the identity is found taken or free. */
  unanswered: CommitUnanswered | undefined;
}

async function lastOf(store: PostgresStore, work: Work, tries: Tries): Promise<Outcome> {
  const { limits } = tries;
  let threw = 0;
  for (let times = 1, broken = 0; ; times += 1) {
    const tried = await attempt(store, work, tries, work.throwsOnce === true || threw > 0);
    if (!(tried instanceof Again)) return tried;
    const { cause } = tried;
    if (cause instanceof CommitUnanswered) tries.unanswered = cause;
    if (!(cause instanceof DependencyFailed)) threw += 1;
    else if (!(cause instanceof Conflict)) broken += 1;
    if (isOver(limits) || times >= maxTries || broken >= maxBroken) return { kind: 'retry', error: cause };
    if (cause instanceof DependencyFailed) {
      limits.meter.conflicts += 1;
      // The first one it has met is through by now: Postgres refuses the later one when the other has committed.
      if (times > 1) await backoff(times - 2, limits.deadline);
    }
  }
}

/** @param mayThrow what the handler throws after it has read counts (R47) */
async function attempt(
  store: PostgresStore,
  work: Work,
  tries: Tries,
  mayThrow: boolean,
): Promise<Outcome | Again> {
  const { tokens, limits } = tries;
  const opening = new Opening(store, work, limits);
  let tx: Transaction | undefined;
  try {
    if (work.opensLate !== true) {
      const found = (await opening.open()) ? undefined : await notTaken(opening, store, work, tries);
      if (found !== undefined) return found;
      tries.unanswered = undefined;
    }
    tx = new Transaction(opening, work.once);
    await run(opening, tx, work);
    tries.unanswered = undefined;
    tokens.add(opening.token);
    await commitTransaction(opening.opened);
    return { kind: 'processed' };
  } catch (cause) {
    const error = asThrown(cause);
    let thrown = tx?.close(error) ?? error;
    if (thrown instanceof IdentityTaken)
      try {
        return (await notTaken(opening, store, work, tries)) ?? new Again(thrown);
      } catch (later) {
        thrown = later;
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
  if ([Conflict, ConnectionLost, CommitUnanswered, ReceiptUnread].some((kind) => thrown instanceof kind))
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
  if (result === undefined) return;
  const kept = valueText(result);
  if (tx.actsAsAnother) await connection.send(ownRole);
  await connection.send(keepResult, [kept, work.id]).catch((cause: unknown) => {
    throw ownStatementError(cause);
  });
}

/** The identity is somebody's: whose, says the receipt. Undefined when its time was over, and it is ours now. */
async function notTaken(
  opening: Opening,
  { pool, retentionSeconds }: PostgresStore,
  work: Work,
  { tokens, limits }: Tries,
): Promise<Outcome | Again | undefined> {
  const connection = opening.opened;
  const { rows } = await connection.send(readReceipt, [work.id]).catch((cause: unknown) => {
    throw new ReceiptUnread({ cause });
  });
  const row = rows[0] as unknown as ReceiptRow | undefined;
  const isOld = row !== undefined && work.expires === true && isExpired(row);
  if (isOld && isTaken(await connection.send(takeExpired, opening.taking))) {
    opening.hasTaken();
    return undefined;
  }
  await connection.send('ROLLBACK');
  // Pruned in between, or somebody else has taken it anew.
  if (row === undefined || isOld) return new Again(new Conflict('the receipt has changed meanwhile'));
  const outcome = judge(row, work, tokens);
  if (outcome.kind === 'duplicate')
    await noteDuplicate(pool, row, retentionSeconds, limits, work.expires !== true);
  return outcome;
}

/** Measures the receipt's age, and renews it, if it may be, when little of its life is left (R8). Never throws. */
export async function noteDuplicate(
  pool: PostgresPool,
  { id, left }: ReceiptRow,
  retentionSeconds: number,
  limits: Limits,
  renews = true,
): Promise<void> {
  limits.meter.receiptAges.push(retentionSeconds - left);
  if (!renews || left >= renewBelow * retentionSeconds) return;
  // What is not renewed is left to the next copy.
  await ask(pool, limits, renewReceipt, [id, retentionSeconds]).catch(() => undefined);
}
