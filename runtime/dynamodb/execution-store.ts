import type { ExecutionStore, KeyedWork } from '../dedup/execution-store.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified } from '../dedup/way.js';
import { DynamoStore } from './dynamo-store.js';
import { commitHandlings, Handling } from './handling.js';
import type { DynamoStoreOptions } from './store-options.js';
import type { Transaction } from './transaction.js';

/** Answered work on DynamoDB: one round trip for what nobody has asked before, and for what somebody has. */
export class DynamoExecutionStore implements ExecutionStore<Transaction> {
  /** DynamoDB items have 400 KB; a quarter is left for the rest of the row. */
  readonly answerBytes = 300 * 1024;
  readonly takesFirst = false;
  readonly #store: DynamoStore;

  /** @throws InvalidSettings as DynamoStore does. */
  constructor(options: DynamoStoreOptions) {
    this.#store = new DynamoStore(options);
  }

  async commit({ id, fingerprint, ...work }: KeyedWork<Transaction>, limits: Limits): Promise<Outcome> {
    const receipt = { id, fingerprint, expires: true };
    const handling = new Handling(this.#store, { ...work, receipt, lane: id });
    await handling.run(limits);
    const outcomes = await commitHandlings(this.#store, [handling], limits);
    return outcomes.get(handling) ?? { kind: 'retry' };
  }

  async recall({ id, fingerprint }: Identified, limits: Limits): Promise<Outcome | undefined> {
    const draft = { id, fingerprint, expires: true };
    return (await this.#store.recall([draft], limits, true)).get(draft);
  }
}
