import type { Sent, UnitOutcome } from './attempt-result.js';
import { attempt } from './commit-attempt.js';
import { InvalidSettings } from '../dedup/error.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { pack, type Pack, type Unit } from './pack.js';
import { nowSeconds, type ReceiptDraft } from './receipt.js';
import type { DynamoStoreOptions } from './store-options.js';
import { maxActions, Transaction } from './transaction.js';

/**
 * Commits messages' receipts together with their effects in DynamoDB.
 *
 * Guarantees: for one receipt id, the effects of at most one commit ever become durable, whoever runs it, however
 * often, and whether or not answers are lost; a message is reported `processed` or `duplicate` only when its receipt
 * is durable. Holds while the receipt row exists. Does not cover what a handler does outside its transaction.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 */
export class DynamoStore {
  readonly #options: DynamoStoreOptions;
  /** Units per call: halved by a conflict, grown by one with each success, for as long as this instance lives. */
  readonly #rate = { most: maxActions };

  /**
   * @throws InvalidSettings when the table name is empty or the retention is not a positive whole number of seconds.
   */
  constructor(options: DynamoStoreOptions) {
    const problems = [];
    if (!options.tableName) problems.push('tableName of the dedup table is empty');
    if (!Number.isSafeInteger(options.retentionSeconds) || options.retentionSeconds <= 0)
      problems.push(`retentionSeconds must be a positive whole number, got ${options.retentionSeconds}`);
    if (problems.length > 0) throw new InvalidSettings(problems);
    this.#options = options;
  }

  /**
   * Commits the units, as few calls as the limits allow. The order within a lane holds: a unit commits only with or
   * after the earlier ones of its lane. Never throws: what goes wrong is the outcome of the units it went wrong for.
   * What is in no entry was not tried, because an earlier one of its lane did not get through. No call begins past
   * the deadline (R22).
   *
   * @param commits tokens of earlier attempts for these messages, to which those of this one are added.
   */
  async commit(
    units: readonly Unit[],
    limits: Limits,
    commits = new Set<string>(),
  ): Promise<Map<Unit, UnitOutcome>> {
    if (units.length === 0) return new Map();
    const first = pack(units, this.#rate.most);
    const sent =
      Date.now() < limits.deadline && first.fits ? await this.#send(first, commits, limits) : undefined;
    if (
      sent !== undefined &&
      'result' in sent &&
      sent.result.kind === 'committed' &&
      first.units.length === units.length
    ) {
      this.#rate.most = Math.min(maxActions, this.#rate.most + 1);
      return new Map(units.map((unit) => [unit, { kind: 'processed' }]));
    }
    const { commitInParts } = await import('./again.js');
    const send = (next: Pack) => this.#send(next, commits, limits);
    return commitInParts({ ...this.#options, rate: this.#rate, send, limits }, units, { pack: first, sent });
  }

  /** An empty transaction that can read, within the limits. */
  transaction(limits: Limits): Transaction {
    return new Transaction(async (...asked) => {
      const { itemReader } = await import('./reads.js');
      return itemReader(this.#options.client, limits, true)(...asked);
    });
  }

  /**
   * What the receipts say of messages that may have been processed before: `duplicate`, `rejected` for another
   * payload, or nothing, as of a row that says "in progress" or is newer than this runtime.
   *
   * @param consistent whether it sees every commit that has been answered. Otherwise a receipt that is found decides,
   *   and one that is
   *   not found proves nothing. Costs 1 read unit per 4 KB and receipt, otherwise half.
   * @throws DependencyFailed when the receipts could not be read.
   */
  async recall<Draft extends ReceiptDraft>(
    drafts: readonly Draft[],
    limits: Limits,
    consistent: boolean,
  ): Promise<Map<Draft, Outcome>> {
    if (drafts.length === 0) return new Map();
    const { recall } = await import('./again.js');
    return recall(this.#options, drafts, limits, consistent);
  }

  async #send(units: Pack, commits: Set<string>, limits: Limits): Promise<Sent> {
    const { client, tableName, retentionSeconds } = this.#options;
    const receipts = { tableName, expiration: nowSeconds() + retentionSeconds };
    try {
      return { result: await attempt(client, receipts, units, commits, limits) };
    } catch (cause) {
      return { cause };
    }
  }
}
