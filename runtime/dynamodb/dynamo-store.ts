import type { Attributes } from './attribute-value.js';
import type { UnitOutcome } from './attempt-result.js';
import { attempt } from './commit-attempt.js';
import { backoff } from '../dedup/backoff.js';
import {
  CommitFailed,
  errorText,
  ExactlyOnceError,
  InvalidSettings,
  TransactionTooLarge,
  WriteRefused,
} from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { bytesOf, maxBytes, pack, type Pack, type Unit } from './pack.js';
import { nowSeconds, type ReceiptDraft } from './receipt.js';
import { itemReader } from './read-item.js';
import type { DynamoStoreOptions } from './store-options.js';
import { commitFailed, isPassing, isRefusal } from './send.js';
import { maxActions, Transaction } from './transaction.js';

const maxAttempts = 10;

/** Why a pack has settled nobody and is to be tried in another way. */
type Again = 'conflict' | 'overtaken' | 'split';

/**
 * Commits messages' receipts together with their effects in DynamoDB.
 *
 * Guarantees: for one receipt id, the effects of at most one commit ever become durable, whoever runs it, however often, and
 * whether or not answers are lost; a message is reported `processed` or `duplicate` only when its receipt is durable. Holds while
 * the receipt row exists. Does not cover what a handler does outside its transaction.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 */
export class DynamoStore {
  readonly #options: DynamoStoreOptions;
  /** Units per call: halved by a conflict, grown by one with each success, for as long as this instance lives. */
  #most = maxActions;

  /** @throws InvalidSettings when the table name is empty or the retention is not a positive whole number of seconds. */
  constructor(options: DynamoStoreOptions) {
    const problems = [];
    if (!options.tableName) problems.push('tableName of the dedup table is empty');
    if (!Number.isSafeInteger(options.retentionSeconds) || options.retentionSeconds <= 0)
      problems.push(`retentionSeconds must be a positive whole number, got ${options.retentionSeconds}`);
    if (problems.length > 0) throw new InvalidSettings(problems);
    this.#options = options;
  }

  /**
   * Commits the units, as few calls as the limits allow. The order within a lane holds: a unit commits only with or after the
   * earlier ones of its lane. Never throws: what goes wrong is the outcome of the units it went wrong for. What is in no entry was not
   * tried, because an earlier one of its lane did not get through. No call begins past the deadline (R22).
   *
   * @param commits tokens of earlier attempts for these messages, to which those of this one are added.
   */
  async commit(
    units: readonly Unit[],
    limits: Limits,
    commits = new Set<string>(),
  ): Promise<Map<Unit, UnitOutcome>> {
    const outcomes = new Map<Unit, UnitOutcome>();
    const held = new Set<Unit>();
    /** Items that this commit has changed. */
    const changed = new Set<string>();
    let pending: readonly Unit[] = units;
    let attempts = 0;
    let most = this.#most;
    while (pending.length > 0) {
      const current = pack(pending, most);
      const settled = await this.#settle(current, commits, limits, attempts);
      if (settled === 'conflict' || settled === 'overtaken') {
        limits.meter.conflicts += 1;
        attempts += 1;
        if (settled === 'conflict')
          this.#most = most = Math.max(1, Math.floor(Math.min(most, current.units.length) / 2));
        // Who was overtaken once had but an old memory; nobody need be in the way now.
        if (settled === 'conflict' || attempts > 1) await backoff(attempts, limits.deadline);
        continue;
      }
      if (settled === 'split') {
        most = 1;
        continue;
      }
      attempts = 0;
      this.#most = Math.min(maxActions, this.#most + 1);
      for (const [unit, outcome] of settled) {
        outcomes.set(unit, outcome);
        if (outcome.kind === 'processed')
          for (const { kind, address } of unit.writes) if (kind !== 'check') changed.add(address.id);
      }
      const closed = new Set<string>();
      pending = units.filter((unit) => {
        const { lane } = unit;
        const outcome = outcomes.get(unit);
        if (outcome !== undefined) {
          if (!isDone(outcome)) closed.add(lane);
          return false;
        }
        if (closed.has(lane)) held.add(unit);
        // Known without asking DynamoDB, who would bill the whole refused transaction.
        else if (unit.writes.some(({ seen, address }) => seen !== undefined && changed.has(address.id))) {
          outcomes.set(unit, { kind: 'outdated', own: true });
          closed.add(lane);
          return false;
        }
        return !held.has(unit);
      });
    }
    return inTheirTurn(units, outcomes);
  }

  /** An empty transaction that can read, within the limits. */
  transaction(limits: Limits): Transaction {
    return new Transaction(itemReader(this.#options.client, limits, true));
  }

  /**
   * What the receipts say of messages that may have been processed before: `duplicate`, `rejected` for another payload, or nothing, as of
   * a row that says "in progress" or is newer than this runtime.
   *
   * @param consistent whether it sees every commit that has been answered. Otherwise a receipt that is found decides, and one that is
   *   not found proves nothing. Costs 1 read unit per 4 KB and receipt, otherwise half.
   * @throws DependencyFailed when the receipts could not be read.
   */
  async recall<Draft extends ReceiptDraft>(
    drafts: readonly Draft[],
    limits: Limits,
    consistent: boolean,
  ): Promise<Map<Draft, Outcome>> {
    if (drafts.length === 0) return new Map();
    const { recall } = await import('./receipts-again.js');
    return recall(this.#options, drafts, limits, consistent);
  }

  async #noteDuplicate(draft: ReceiptDraft, row: Attributes, limits: Limits): Promise<void> {
    const { noteDuplicate } = await import('./receipts-again.js');
    await noteDuplicate(this.#options, draft, row, limits);
  }

  /** One attempt for one pack: outcomes of the units it settled, or why it must be tried again another way. */
  async #settle(
    current: Pack,
    commits: Set<string>,
    limits: Limits,
    attempts: number,
  ): Promise<Map<Unit, UnitOutcome> | Again> {
    const { units } = current;
    const [only] = units;
    const all = (outcome: Outcome) => new Map<Unit, UnitOutcome>(units.map((unit) => [unit, outcome]));
    if (units.length === 1 && only !== undefined && bytesOf(only) > maxBytes)
      return all({ kind: 'rejected', error: new TransactionTooLarge('bytes', bytesOf(only), maxBytes) });
    const late = Date.now() >= limits.deadline;
    if (attempts >= maxAttempts || (attempts > 0 && late))
      return all({
        kind: 'retry',
        error: new CommitFailed(`gave up after ${attempts} conflicts with other transactions`),
      });
    if (late) return all({ kind: 'retry' });
    const { client, tableName, retentionSeconds } = this.#options;
    try {
      const receipts = { tableName, expiration: nowSeconds() + retentionSeconds };
      const result = await attempt(client, receipts, current, commits, limits);
      if (result.kind === 'split' || result.kind === 'overtaken') return result.kind;
      if (result.kind === 'committed') return all({ kind: 'processed' });
      const outcomes = new Map<Unit, UnitOutcome>();
      for (const [unit, { outcome, row }] of result.findings) {
        outcomes.set(unit, outcome);
        if (outcome.kind === 'outdated') limits.meter.conflicts += 1;
        if (outcome.kind === 'duplicate' && row !== undefined && unit.receipt.at === undefined)
          await this.#noteDuplicate(unit.receipt, row, limits);
      }
      return outcomes.size > 0 ? outcomes : 'conflict';
    } catch (cause) {
      if (isUnderWay(cause) || isPassing(cause)) return 'conflict';
      const error = failure(cause, tableName);
      // Whatever is no outage is somebody's own, and only alone do they show whose.
      const isOutage = error instanceof ExactlyOnceError && error.fault === 'dependency';
      return units.length > 1 && !isOutage ? 'split' : all({ kind: 'retry', error });
    }
  }
}

/** The first sending of this very request has not ended, or has; the next attempt, which is another request, finds its receipt. */
function isUnderWay(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'TransactionInProgressException' || error.name === 'IdempotentParameterMismatchException')
  );
}

function failure(cause: unknown, tableName: string): unknown {
  if (isRefusal(cause))
    return new WriteRefused(`DynamoDB refused the commit: ${errorText(cause)}`, { cause });
  // What is neither DynamoDB's nor ours to excuse is a defect, and stays what it is.
  return cause instanceof ExactlyOnceError ? commitFailed(cause, tableName) : cause;
}

/** Whether later ones of the lane may follow. */
export function isDone({ kind }: UnitOutcome): boolean {
  return kind === 'processed' || kind === 'duplicate' || kind === 'ignored';
}

/** A cancelled transaction says what is wrong with the later ones of a lane too, but it is not their turn (R47). */
function inTheirTurn(
  units: readonly Unit[],
  outcomes: ReadonlyMap<Unit, UnitOutcome>,
): Map<Unit, UnitOutcome> {
  const closed = new Set<string>();
  const settled = new Map<Unit, UnitOutcome>();
  for (const unit of units) {
    const outcome = outcomes.get(unit);
    if (outcome === undefined || (closed.has(unit.lane) && !isDone(outcome))) continue;
    settled.set(unit, outcome);
    if (!isDone(outcome)) closed.add(unit.lane);
  }
  return settled;
}
