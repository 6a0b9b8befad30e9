import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { attempt, type Finding } from './commit-attempt.js';
import { backoff } from '../dedup/backoff.js';
import {
  CommitFailed,
  InvalidSettings,
  TransactionTooLarge,
  type ExactlyOnceError,
} from '../dedup/errors.js';
import type { Meter } from '../dedup/meter.js';
import { bytesOf, maxBytes, pack, type Unit } from './pack.js';
import { nowSeconds, type ReceiptDraft, type Verdict } from './receipt.js';
import { itemReader } from './read-item.js';
import { lookUp, noteDuplicate } from './receipts-again.js';
import { maxActions, Transaction } from './transaction.js';

/** What became of one message at the store. */
export type CommitOutcome =
  /** Its receipt and all its effects are durable, by this commit. */
  | { readonly kind: 'processed' }
  /** They were durable before. `result` is what the first one returned. */
  | { readonly kind: 'duplicate'; readonly result: unknown }
  /** It can never be processed. */
  | { readonly kind: 'rejected'; readonly error: ExactlyOnceError }
  /** Nothing is known to be written; the message must come again. */
  | { readonly kind: 'failed'; readonly error: ExactlyOnceError }
  /** Not tried, because an earlier message of its lane did not get through. */
  | { readonly kind: 'held' };

/** What became of one unit. `stale`: nothing was written, because what its handler read has changed; it has to run again (R13). */
export type UnitOutcome = CommitOutcome | { readonly kind: 'stale' };

export interface CommitLimits {
  /** Epoch milliseconds after which no new attempt starts. */
  readonly deadline: number;
  readonly meter: Meter;
}

export interface DynamoStoreOptions {
  readonly client: DynamoDBClient;
  /** Table of the receipts: string partition key `id`, TTL attribute `expiration`. */
  readonly tableName: string;
  /** How long a receipt lives, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
}

const maxAttempts = 10;

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
   * earlier ones of its lane. Never throws: what goes wrong is the outcome of the units it went wrong for.
   *
   * @param commits tokens of earlier attempts for these messages, to which those of this one are added.
   */
  async commit(
    units: readonly Unit[],
    limits: CommitLimits,
    commits = new Set<string>(),
  ): Promise<Map<Unit, UnitOutcome>> {
    const outcomes = new Map<Unit, UnitOutcome>();
    /** Items that this commit has changed. */
    const changed = new Set<string>();
    let pending = [...units];
    let attempts = 0;
    let most = this.#most;
    while (pending.length > 0) {
      const [current = []] = pack(pending, most);
      const settled = await this.#settle(current, commits, limits, attempts);
      if (settled === 'conflict' || settled === 'overtaken') {
        limits.meter.conflicts += 1;
        attempts += 1;
        if (settled === 'conflict')
          this.#most = most = Math.max(1, Math.floor(Math.min(most, current.length) / 2));
        // Who was overtaken once had but an old memory; nobody need be in the way now.
        if (settled === 'conflict' || attempts > 1) await backoff(attempts, limits.deadline);
      } else if (settled === 'split') most = 1;
      else {
        attempts = 0;
        this.#most = Math.min(maxActions, this.#most + 1);
      }
      if (!(settled instanceof Map)) continue;
      for (const [unit, outcome] of settled) {
        outcomes.set(unit, outcome);
        if (outcome.kind === 'processed')
          for (const { kind, address } of unit.writes) if (kind !== 'check') changed.add(address.id);
      }
      pending = pending.filter((unit) => {
        if (outcomes.has(unit)) return false;
        if (isBehind(unit, units, outcomes)) outcomes.set(unit, { kind: 'held' });
        // Known without asking DynamoDB, who would bill the whole refused transaction.
        else if (unit.writes.some(({ seen, address }) => seen !== undefined && changed.has(address.id)))
          outcomes.set(unit, { kind: 'stale' });
        return !outcomes.has(unit);
      });
    }
    return outcomes;
  }

  /** An empty transaction that can read. @param meter counts the reads. */
  transaction(meter: Meter): Transaction {
    return new Transaction(itemReader(this.#options.client, meter, true));
  }

  /**
   * What the receipts say of messages that may have been processed before. Eventually consistent, one call: a receipt that is
   * found decides, one that is not found proves nothing, and the commit will tell.
   */
  async lookUp(drafts: readonly ReceiptDraft[], meter: Meter): Promise<Map<ReceiptDraft, Verdict>> {
    if (drafts.length === 0) return new Map();
    return lookUp(this.#options, drafts, meter);
  }

  /** One attempt for one pack: outcomes of the units it settled, or why it must be tried again another way. */
  async #settle(
    units: readonly Unit[],
    commits: Set<string>,
    limits: CommitLimits,
    attempts: number,
  ): Promise<Map<Unit, UnitOutcome> | 'conflict' | 'overtaken' | 'split'> {
    const outcomes = new Map<Unit, UnitOutcome>();
    const [only] = units;
    if (units.length === 1 && only !== undefined && bytesOf(only) > maxBytes) {
      const error = new TransactionTooLarge('bytes', bytesOf(only), maxBytes);
      return outcomes.set(only, { kind: 'rejected', error });
    }
    if (attempts >= maxAttempts || (attempts > 0 && Date.now() >= limits.deadline))
      return fail(units, new CommitFailed(`gave up after ${attempts} conflicts with other transactions`));
    const { client, tableName } = this.#options;
    try {
      const receipts = { tableName, expiration: this.#freshExpiration() };
      const result = await attempt(client, receipts, units, commits, limits.meter);
      if (result.kind === 'split' || result.kind === 'overtaken') return result.kind;
      if (result.kind === 'committed') {
        for (const unit of units) outcomes.set(unit, { kind: 'processed' });
        return outcomes;
      }
      for (const [unit, finding] of result.findings)
        outcomes.set(unit, await this.#outcomeOf(unit, finding, limits.meter));
      return outcomes.size > 0 ? outcomes : 'conflict';
    } catch (cause) {
      // TransactionInProgress: the first sending of this very request has not ended; the next attempt finds its receipt.
      if (cause instanceof Error && cause.name === 'TransactionInProgressException') return 'conflict';
      if (units.length > 1 && cause instanceof Error && cause.name === 'ValidationException') return 'split';
      return fail(units, commitFailed(cause, tableName));
    }
  }

  async #outcomeOf({ receipt }: Unit, finding: Finding, meter: Meter): Promise<UnitOutcome> {
    if (finding.kind === 'stale') meter.conflicts += 1;
    if (finding.kind !== 'verdict') return finding;
    const { verdict } = finding;
    switch (verdict.kind) {
      case 'ours':
        return { kind: 'processed' };
      case 'duplicate':
        await noteDuplicate(this.#options, receipt, verdict, meter);
        return verdict;
      case 'reused':
        return { kind: 'rejected', error: verdict.error };
      case 'undecided':
        return { kind: 'failed', error: verdict.error };
    }
  }

  #freshExpiration(): number {
    return nowSeconds() + this.#options.retentionSeconds;
  }
}

/** Whether an earlier unit of the lane ended in a way that the later ones must not overtake. */
function isBehind(unit: Unit, units: readonly Unit[], outcomes: ReadonlyMap<Unit, UnitOutcome>): boolean {
  return units.slice(0, units.indexOf(unit)).some((earlier) => {
    const kind = outcomes.get(earlier)?.kind;
    return (
      earlier.lane === unit.lane &&
      (kind === 'failed' || kind === 'rejected' || kind === 'stale' || kind === 'held')
    );
  });
}

function fail(units: readonly Unit[], error: ExactlyOnceError): Map<Unit, CommitOutcome> {
  return new Map(units.map((unit) => [unit, { kind: 'failed', error }]));
}

export function commitFailed(cause: unknown, tableName: string): CommitFailed {
  if (cause instanceof CommitFailed) return cause;
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const hint =
    cause instanceof Error && cause.name === 'ResourceNotFoundException'
      ? ` (is '${tableName}' the right table, and are all tables of the handler deployed?)`
      : '';
  return new CommitFailed(`commit failed or its outcome is unknown: ${text}${hint}`, { cause });
}
