import { randomUUID } from 'node:crypto';
import type { Once } from '../dedup/effect.js';
import { CommitFailed, DependencyFailed, KeyReused, type ConditionFailed } from '../dedup/errors.js';
import type { ExecutionStore } from '../dedup/execution-store.js';
import type { Limits } from '../dedup/limits.js';
import type { Meter } from '../dedup/meter.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified } from '../dedup/way.js';
import type { KeyedApiOptions, KeyedRequest } from './keyed-options.js';
import { leaseAnswer } from './leased.js';
import type { ApiResponse, RenderedResponse } from '../http/response.js';
import { render } from '../http/response.js';
import type { Problems, Refusal } from '../http/problem.js';
import type { RequestLimits } from './request.js';
import { SavedAnswer } from './saved-answer.js';
import { ResponsesUnanswered, responsesInTime } from './responses-in-time.js';
import { saving, type ResponseStore } from './saved-response.js';
import { asError, hinted, notCommitted, retryAfter, tryAgain, type Settled } from './settled.js';

/** How a request is answered. */
export interface Answering<Body, Tx> extends Pick<KeyedApiOptions<Body, Tx>, 'handle' | 'serverErrors'> {
  /** Where the store looks at conditions of writes. @default - nothing is committed when one does not hold */
  readonly onConditionFailed?: (
    failed: ConditionFailed,
    request: KeyedRequest<Body>,
    tx: Tx,
  ) => ApiResponse | Promise<ApiResponse>;
}

/** What all requests of one API share. */
export interface ExecutionContext<Body, Tx> {
  readonly options: Answering<Body, Tx>;
  readonly store: ExecutionStore<Tx>;
  readonly responses: ResponseStore | undefined;
  readonly problem: Problems;
  readonly savedHeaders: ReadonlySet<string>;
  /** Statuses of the handler that are no outcome. */
  readonly transient: ReadonlySet<number>;
  /** Gives the requests `tx.once`, if the API has leases. */
  readonly onceFor: ((key: string, remainingMs: () => number, fingerprint?: string) => Once) | undefined;
}

/** An answer of the handler that is no outcome: it ends the attempt before anything is committed. */
class Unsaved extends Error {
  constructor(readonly response: RenderedResponse) {
    super(`the handler answered ${response.status}`);
  }
}

/** The handler ran for a request that was processed before: there is nothing to be stored for its answer. */
class AnsweredBefore extends Error {}

/** A request that is not taken as it is. */
export interface Refused {
  readonly refusal: Refusal;
  readonly error?: unknown;
  readonly fingerprint: () => Promise<string>;
}

/** Settles one request: the first of its key, or one that comes again, or somebody else's. */
export class Execution<Body, Tx> {
  readonly #context: ExecutionContext<Body, Tx>;
  readonly #receipt: Identified;
  readonly #limits: Limits;
  readonly #assertCarried: RequestLimits['assertCarried'];
  readonly #saved: SavedAnswer;
  #once: Once | undefined;
  /** Of the last run: what is sent if its commit is the one that counts. */
  #response: RenderedResponse | undefined;
  /** What the handler threw in its last run that failed, to tell it from what went wrong with a commit. */
  #threw: unknown;

  constructor(context: ExecutionContext<Body, Tx>, receipt: Identified, limits: RequestLimits, meter: Meter) {
    const responses = context.responses && responsesInTime(context.responses, limits.deadline);
    this.#context = { ...context, responses };
    this.#receipt = receipt;
    this.#limits = { deadline: limits.deadline, meter };
    this.#assertCarried = limits.assertCarried;
    this.#saved = new SavedAnswer(this.#context, this.#receipt, this.#limits);
  }

  /** Answers a request that is not taken. It may be the retry of one that was, and then has its answer (R45). */
  async refuse({ refusal, error, fingerprint }: Refused): Promise<Settled> {
    const { kind, parts, issues } = refusal;
    const response = this.#context.problem(kind, parts);
    const told = issues === undefined ? kind : `${kind}: ${issues} issues`;
    const outcome = response.status < 500 ? 'refused' : 'failed';
    return (await this.#saved.findBy(fingerprint)) ?? { outcome, response, error: error ?? told };
  }

  /** Runs the handler for a request, and commits what it has filled. */
  async settle(request: KeyedRequest<Body>): Promise<Settled> {
    const { onceFor, store } = this.#context;
    if (onceFor !== undefined) {
      // The handler may make effects that no commit can refuse: the lease of one that was made long before its commit
      // does not live as long as the receipt.
      const settled = store.takesFirst ? undefined : await this.#saved.find();
      if (settled !== undefined) return settled;
      const remainingMs = () => Math.max(0, this.#limits.deadline - Date.now());
      this.#once = onceFor(request.id, remainingMs, this.#receipt.fingerprint);
    }
    let outcome;
    try {
      outcome = await this.#commit(request);
    } catch (error) {
      return this.#thrown(error);
    }
    switch (outcome.kind) {
      case 'processed':
        // `#run` has set it: nothing is committed before the handler has answered.
        return this.#response === undefined
          ? this.#thrown(new TypeError('committed without a response'))
          : { outcome: 'processed', response: hinted(this.#response, false) };
      case 'duplicate':
        return this.#saved.replayed(outcome.result);
      case 'rejected':
        return outcome.error instanceof KeyReused
          ? this.#saved.reused(outcome.error)
          : this.#thrown(outcome.error);
      case 'retry':
        return outcome.error !== undefined && outcome.error === this.#threw
          ? this.#thrown(outcome.error)
          : this.#unsettled(outcome.error);
      default:
        return this.#unsettled(undefined);
    }
  }

  /** @throws what the handler throws when it runs for the first time; later, that is the outcome. */
  async #commit(request: KeyedRequest<Body>): Promise<Outcome> {
    const { options, store } = this.#context;
    const { handle, onConditionFailed } = options;
    return store.commit(
      {
        ...this.#receipt,
        once: this.#once,
        handle: (tx) => this.#run(() => handle(request, tx)),
        onConditionFailed:
          onConditionFailed && ((failed, tx) => this.#run(() => onConditionFailed(failed, request, tx))),
      },
      this.#limits,
    );
  }

  async #run(handle: () => ApiResponse | Promise<ApiResponse>): Promise<unknown> {
    const { options, responses, savedHeaders, store, transient } = this.#context;
    try {
      const response = render(await handle());
      this.#assertCarried?.(response);
      const { status } = response;
      if (transient.has(status) || (status >= 500 && options.serverErrors !== 'stripe-v1'))
        throw new Unsaved(response);
      this.#response = response;
      const { saved, object } = saving(response, savedHeaders, {
        ...{ answerBytes: store.answerBytes, responses },
        ...{ receipt: this.#receipt.id, attempt: randomUUID() },
      });
      if (object !== undefined) {
        // The commit would find the receipt too, but then the object is there, and nobody ever reads it.
        if ((await this.#saved.find()) !== undefined) throw new AnsweredBefore();
        await object.store.put(object.name, object.bytes);
      }
      return saved;
    } catch (error) {
      this.#threw = error;
      throw error;
    }
  }

  /**
   * The handler has thrown, or has answered what is no outcome. Of a request that was processed before that may be
   * just because of what it did then, so its receipt is asked for first, unless there was none. There was none, too,
   * just before its answer was to be kept, and there is no time to ask again.
   */
  async #thrown(error: unknown): Promise<Settled> {
    const { problem, store } = this.#context;
    const isAsked = store.takesFirst || error instanceof ResponsesUnanswered;
    const found = isAsked ? undefined : await this.#saved.find();
    if (found !== undefined) return found;
    if (error instanceof Unsaved)
      return {
        outcome: error.response.status < 500 ? 'refused' : 'failed',
        response: hinted(error.response, true),
        error,
      };
    if (this.#once !== undefined) {
      if (error instanceof KeyReused) return this.#saved.reused(error);
      const response = leaseAnswer(error, problem);
      if (response !== undefined)
        return { outcome: response.status < 500 ? 'refused' : 'failed', response, error };
    }
    const response =
      error instanceof DependencyFailed
        ? problem('not-committed', { detail: notCommitted, headers: retryAfter() })
        : problem('handler-failed', { detail: tryAgain });
    return { outcome: 'failed', response, error: asError(error) };
  }

  /** The commit was not made, or nobody knows whether it was: then the receipt may know by now. */
  async #unsettled(error: unknown): Promise<Settled> {
    const found =
      error instanceof CommitFailed && !error.nothingWritten ? await this.#saved.find() : undefined;
    return found?.outcome === 'replayed' ? found : this.#saved.failed(error);
  }
}
