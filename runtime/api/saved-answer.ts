import { InProgressElsewhere, KeyReused } from '../dedup/errors.js';
import type { ExecutionStore } from '../dedup/execution-store.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified } from '../dedup/way.js';
import type { Problems } from '../http/problem.js';
import { isSaved, replay, SavedResponseLost, type ResponseStore } from './saved-response.js';
import {
  hinted,
  inUse,
  notCommitted,
  nothingWritten,
  retryAfter,
  unconfirmed,
  type Settled,
} from './settled.js';

export interface SavedAnswerContext {
  readonly store: Pick<ExecutionStore<unknown>, 'recall'>;
  readonly responses: ResponseStore | undefined;
  readonly problem: Problems;
}

/** What the receipt of one request says, as the answer to it. */
export class SavedAnswer {
  readonly #context: SavedAnswerContext;
  readonly #receipt: Identified;
  readonly #limits: Limits;

  constructor(context: SavedAnswerContext, receipt: Identified, limits: Limits) {
    this.#context = context;
    this.#receipt = receipt;
    this.#limits = limits;
  }

  /**
   * Undefined within its window if the request has no receipt. It may have one if that could not be read, so then
   * nothing is known (R45, R48). Never throws.
   */
  async find(): Promise<Settled | undefined> {
    return this.#find(this.#receipt);
  }

  /** The same of a request whose fingerprint is dear: it is made only if its key has a receipt. */
  async findBy(fingerprint: () => Promise<string>): Promise<Settled | undefined> {
    try {
      const found = await this.#recalled({ ...this.#receipt, fingerprint: '' });
      if (found?.kind !== 'rejected') return await this.#settledBy(found);
      return await this.#find({ ...this.#receipt, fingerprint: await fingerprint() });
    } catch (error) {
      return this.failed(error);
    }
  }

  /** The saved answer to one that was processed before. */
  async replayed(result: unknown): Promise<Settled> {
    const { problem, responses } = this.#context;
    try {
      if (!isSaved(result)) throw new SavedResponseLost(this.#receipt.id, 'is not of this library');
      return { outcome: 'replayed', response: hinted(await replay(result, responses), false) };
    } catch (error) {
      if (!(error instanceof SavedResponseLost)) return this.failed(error);
      return { outcome: 'failed', response: problem('response-unavailable', { detail: lost }), error };
    }
  }

  reused(error: KeyReused): Settled {
    const response = this.#context.problem('key-reused', { detail: reused });
    return { outcome: 'refused', response, error };
  }

  /** Of a commit that was not made, or of which that is not known. */
  failed(error: unknown): Settled {
    const { problem } = this.#context;
    const headers = retryAfter();
    if (error instanceof InProgressElsewhere)
      return { outcome: 'refused', response: problem('key-in-use', { detail: inUse, headers }), error };
    const response = nothingWritten(error)
      ? problem('not-committed', { detail: notCommitted, headers })
      : problem('not-confirmed', { detail: unconfirmed, headers });
    return { outcome: 'failed', response, error };
  }

  async #find(receipt: Identified): Promise<Settled | undefined> {
    try {
      return await this.#settledBy(await this.#recalled(receipt));
    } catch (error) {
      return this.failed(error);
    }
  }

  async #recalled(receipt: Identified): Promise<Outcome | undefined> {
    return this.#context.store.recall(receipt, this.#limits);
  }

  async #settledBy(outcome: Outcome | undefined): Promise<Settled | undefined> {
    if (outcome === undefined) return undefined;
    switch (outcome.kind) {
      case 'duplicate':
        return this.replayed(outcome.result);
      case 'rejected':
        return outcome.error instanceof KeyReused ? this.reused(outcome.error) : this.failed(outcome.error);
      default:
        return this.failed(
          'error' in outcome ? outcome.error : new TypeError(`a receipt says ${outcome.kind}`),
        );
    }
  }
}

const reused =
  'the key was used before with another query or body; send a new key for a new request, and the same request with every retry';
const lost =
  'the request was processed, and its saved answer cannot be read; look the resource up, do not send the request with a new key';
