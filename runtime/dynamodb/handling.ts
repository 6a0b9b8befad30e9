import type { DynamoStore } from './dynamo-store.js';
import { asThrown } from '../dedup/error.js';
import type { ConditionFailed } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcomes } from '../dedup/outcome.js';
import type { Unit } from './pack.js';
import { storedResult } from './receipt.js';
import type { Transaction } from './transaction.js';
import { assertExpressible } from './write.js';
import type { Running, Work } from './work.js';

export type { Work } from './work.js';

/** One message while its handler runs and its transaction is committed. */
export class Handling implements Running {
  /** How often the handler has run. */
  runs = 0;
  /** Whether its last run answered a failed condition. */
  answered = false;
  /** Of its runs. */
  slowestMs = 0;
  #unit: Unit | undefined;
  #looked = false;
  readonly #store: DynamoStore;

  constructor(
    store: DynamoStore,
    readonly work: Work,
  ) {
    this.#store = store;
  }

  get lane(): string {
    return this.work.lane;
  }

  /** What the last run has filled. */
  get unit(): Unit {
    if (this.#unit === undefined) throw new TypeError('the handler has not run yet; call `run` first');
    return this.#unit;
  }

  /** Whether the last run has read the store or made an effect. */
  get looked(): boolean {
    return this.#looked;
  }

  /**
   * Runs the handler on a new transaction, or its answer to a condition that failed. Throws as they do, but not
   * because of something that has changed since they read it: then the handler runs again (R47).
   *
   * @param ahead whether earlier messages of the lane are not committed yet. What is thrown then is no verdict, and
   *   nothing is checked.
   */
  async run(limits: Limits, failed?: ConditionFailed, ahead = false): Promise<void> {
    for (let answering = failed; ; answering = undefined) {
      const tx = this.#store.transaction(limits);
      try {
        await this.#fill(tx, answering, ahead);
        return;
      } catch (error) {
        const thrown = tx.close(asThrown(error));
        if (ahead || !tx.looked) throw thrown;
        const { mayRunAgain } = await import('./again.js');
        await mayRunAgain(this, tx, thrown, limits);
      }
    }
  }

  async #fill(tx: Transaction, failed: ConditionFailed | undefined, ahead: boolean): Promise<void> {
    const { handle, onConditionFailed, once } = this.work;
    const began = performance.now();
    this.runs += 1;
    this.answered = failed !== undefined;
    tx.lease(once, ahead);
    try {
      const result = await (failed === undefined ? handle(tx) : onConditionFailed?.(failed, tx));
      tx.seal();
      this.#unit = await unitOf(this.work, tx, result);
    } finally {
      this.#looked = tx.looked;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - began);
    }
  }
}

/**
 * What a handler has filled. Everything about it that DynamoDB would refuse is found now, and is its own message's
 * fault (R44).
 */
async function unitOf({ receipt, lane }: Work, tx: Transaction, returned: unknown): Promise<Unit> {
  const { writes, publications } = tx;
  const result = storedResult(returned);
  for (const write of writes) assertExpressible(write);
  if (receipt.at !== undefined) (await import('./reads.js')).assertReceipt(receipt.at, writes, result);
  return { receipt: { ...receipt, result }, writes, publications, lane };
}

/**
 * Commits what the handlers have filled. One whose reads have changed since runs again on what is stored now, ten
 * times at most and within the deadline (R13); so does one whose condition failed, where it answers to that. The
 * later ones of its lane wait for it, and of those that read what others of them write, each runs after the one
 * before it is committed: that makes two runs of each, and no wait, where all running at once would make one more
 * with each commit. Never throws. What is in no entry was not tried.
 */
export async function commitHandlings(
  store: DynamoStore,
  handlings: readonly Handling[],
  limits: Limits,
): Promise<Outcomes<Handling>> {
  const commits = new Set<string>();
  const commit = (some: readonly Handling[]) =>
    store.commit(
      some.map(({ unit }) => unit),
      limits,
      commits,
    );
  const first = await commit(handlings);
  if (handlings.some(({ unit }) => first.get(unit)?.kind !== 'processed')) {
    const { commitOn } = await import('./again.js');
    return commitOn(commit, handlings, limits, first);
  }
  return new Map(handlings.map((one) => [one, { kind: 'processed' }]));
}
