import { randomUUID } from 'node:crypto';
import type { DynamoStore } from '../dynamodb/dynamo-store.js';
import type { Once } from '../dedup/effect.js';
import type { Leases } from '../dynamodb/lease-scope.js';
import { InProgressElsewhere, KeyReused } from '../dedup/errors.js';
import { commitHandlings, Handling } from '../dynamodb/handling.js';
import type { Limits } from '../dedup/limits.js';
import type { Meter } from '../dedup/meter.js';
import type { Outcome } from '../dedup/outcome.js';
import type { ReceiptDraft } from '../dynamodb/receipt.js';
import { inUse, leaseAnswer, retryAfter, unconfirmed } from './leased.js';
import type { IdempotentApiOptions, KeyedRequest } from './options.js';
import type { ApiResponse, RenderedResponse } from '../http/response.js';
import { render } from '../http/response.js';
import type { Problems } from '../http/problem.js';
import type { RequestLimits } from './request.js';
import { isSaved, replay, save, SavedResponseLost, type ResponseStore } from './saved-response.js';
import { tryAgain, type Settled } from './settled.js';

/** What all requests of one API share. */
export interface ApiContext<Body> {
  readonly options: IdempotentApiOptions<Body>;
  readonly store: DynamoStore;
  readonly responses: ResponseStore | undefined;
  readonly problem: Problems;
  readonly savedHeaders: ReadonlySet<string>;
  /** Gives the requests `tx.once`, if the API has leases. */
  readonly onceFor: ReturnType<Leases> | undefined;
}

/** A 5xx of the handler that is no outcome: it ends the attempt before anything is committed. */
class Unsaved extends Error {
  constructor(readonly response: RenderedResponse) {
    super(`the handler answered ${response.status}`);
  }
}

/** Runs the handler for one request and settles what comes of it: first, again, or somebody else's. */
export class Execution<Body> {
  readonly #context: ApiContext<Body>;
  readonly #request: KeyedRequest<Body>;
  readonly #draft: ReceiptDraft;
  readonly #meter: Meter;
  #limits: Limits;
  #once: Once | undefined;
  /** Of the last run: what is sent if its commit is the one that counts. */
  #response: RenderedResponse | undefined;
  /** What the handler threw in its last run that failed, to tell it from what went wrong with a commit. */
  #threw: unknown;

  constructor(context: ApiContext<Body>, request: KeyedRequest<Body>, draft: ReceiptDraft, meter: Meter) {
    this.#context = context;
    this.#request = request;
    this.#draft = { ...draft, expires: true };
    this.#meter = meter;
    this.#limits = { deadline: Infinity, meter };
  }

  async settle({ deadline }: RequestLimits): Promise<Settled> {
    this.#limits = { deadline, meter: this.#meter };
    const { onceFor } = this.#context;
    if (onceFor !== undefined) {
      const settled = await this.#settledBefore();
      if (settled !== undefined) return settled;
      const remainingMs = () => Math.max(0, deadline - Date.now());
      this.#once = onceFor(this.#request.id, remainingMs, this.#draft.fingerprint);
    }
    let outcome;
    try {
      outcome = await this.#commit();
    } catch (error) {
      return this.#thrown(error);
    }
    switch (outcome.kind) {
      case 'processed':
        // `#run` has set it: nothing is committed before the handler has answered.
        return this.#response === undefined
          ? this.#thrown(new TypeError('committed without a response'))
          : { outcome: 'processed', response: this.#response };
      case 'duplicate':
        return this.#replayed(outcome.result);
      case 'rejected':
        return outcome.error instanceof KeyReused ? this.#reused(outcome.error) : this.#thrown(outcome.error);
      case 'retry':
        return outcome.error === this.#threw ? this.#thrown(outcome.error) : this.#unconfirmed(outcome.error);
      default:
        return this.#unconfirmed(undefined);
    }
  }

  /** @throws what the handler throws when it runs for the first time; later, that is the outcome. */
  async #commit(): Promise<Outcome> {
    const { options, store } = this.#context;
    const { handle, onConditionFailed } = options;
    const handling = new Handling(store, {
      receipt: this.#draft,
      lane: this.#draft.id,
      once: this.#once,
      handle: (tx) => this.#run(() => handle(this.#request, tx)),
      onConditionFailed:
        onConditionFailed && ((failed, tx) => this.#run(() => onConditionFailed(failed, this.#request, tx))),
    });
    await handling.run(this.#limits);
    const outcomes = await commitHandlings(store, [handling], this.#limits);
    return outcomes.get(handling) ?? { kind: 'retry' };
  }

  async #run(handle: () => ApiResponse | Promise<ApiResponse>): Promise<unknown> {
    const { options, responses, savedHeaders } = this.#context;
    try {
      const response = render(await handle());
      if (response.status >= 500 && options.serverErrors !== 'stripe-v1') throw new Unsaved(response);
      this.#response = response;
      return await save(response, savedHeaders, responses, this.#draft.id, randomUUID());
    } catch (error) {
      this.#threw = error;
      throw error;
    }
  }

  /**
   * What the receipt says before the handler runs, where it may make effects that no commit can refuse: the lease of
   * an effect that was made long before its commit does not live as long as the receipt. A receipt that cannot be
   * read lets nothing pass (R48).
   */
  async #settledBefore(): Promise<Settled | undefined> {
    try {
      const found = await this.#receipt();
      switch (found?.kind) {
        case 'duplicate':
          return await this.#replayed(found.result);
        case 'rejected':
          return found.error instanceof KeyReused ? this.#reused(found.error) : undefined;
        default:
          return undefined;
      }
    } catch (error) {
      return this.#unconfirmed(error);
    }
  }

  /** Within its window. */
  async #receipt(): Promise<Outcome | undefined> {
    return (await this.#context.store.recall([this.#draft], this.#limits, true)).get(this.#draft);
  }

  /**
   * The handler has thrown, or answered 5xx. Of a request that was processed before that may be just because of what
   * it did then, so its receipt is asked for.
   */
  async #thrown(error: unknown): Promise<Settled> {
    const { problem } = this.#context;
    const found = await this.#receipt().catch(() => undefined);
    if (found?.kind === 'duplicate') return this.#replayed(found.result);
    if (this.#once !== undefined) {
      if (error instanceof KeyReused) return this.#reused(error);
      const response = leaseAnswer(error, problem);
      if (response !== undefined)
        return { outcome: response.status < 500 ? 'refused' : 'failed', response, error };
    }
    const response =
      error instanceof Unsaved ? error.response : problem('handler-failed', { detail: tryAgain });
    return { outcome: 'failed', response, error };
  }

  #reused(error: KeyReused): Settled {
    return {
      outcome: 'refused',
      response: this.#context.problem('key-reused', { detail: reused }),
      error,
    };
  }

  async #replayed(result: unknown): Promise<Settled> {
    const { problem, responses } = this.#context;
    try {
      if (!isSaved(result)) throw new SavedResponseLost(this.#draft.id, 'is not of this library');
      return { outcome: 'replayed', response: await replay(result, responses) };
    } catch (error) {
      if (!(error instanceof SavedResponseLost)) return this.#unconfirmed(error);
      return { outcome: 'failed', response: problem('response-unavailable', { detail: lost }), error };
    }
  }

  #unconfirmed(error: unknown): Settled {
    const { problem } = this.#context;
    const headers = retryAfter();
    if (error instanceof InProgressElsewhere)
      return { outcome: 'refused', response: problem('key-in-use', { detail: inUse, headers }), error };
    return { outcome: 'failed', response: problem('not-confirmed', { detail: unconfirmed, headers }), error };
  }
}

const reused =
  'the key was used before with another query or body; send a new key for a new request, and the same request with every retry';
const lost =
  'the request was processed, and its saved answer cannot be read; look the resource up, do not send the request with a new key';
