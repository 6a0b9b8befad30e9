import { Execution, type ExecutionContext } from '../api/execution.js';
import { retryAfter, type Settled } from '../api/settled.js';
import type { ApiRequest, RequestLimits } from '../api/request.js';
import type { Api } from '../api/keyed-api.js';
import { crashPoint } from '../dedup/crash-points.js';
import type { ConditionFailed } from '../dedup/errors.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { receiptId } from '../dedup/identity.js';
import { Meter } from '../dedup/meter.js';
import { problems, type Problems } from '../http/problem.js';
import { render, type RenderedResponse } from '../http/response.js';
import { tell } from '../telemetry/tell.js';
import { secretsOf } from './assert-options.js';
import { MalformedEvent } from './errors.js';
import { open } from './opened.js';
import type { ReceivedEvent, ReceiverOptions, WebhookSource } from './options.js';
import type { SentEvent } from './scheme.js';
import type { SecretSource } from './secrets.js';
import { logDelivery, type DeliveryOutcome, type DeliverySummary } from './summary.js';

/** Where the receipts of a receiver are, and what is written beside them. */
export interface ReceiverStore<Tx> extends Pick<ExecutionContext<unknown, Tx>, 'store'> {
  /**
   * Fills the transaction of one event: the state it brings, if its source has states of its type, what it publishes,
   * and what the handler writes.
   *
   * @returns false when a later state is known: then nothing is written.
   */
  act(source: WebhookSource, event: ReceivedEvent, tx: Tx): Promise<boolean>;
  /**
   * Whether a condition that did not hold says that a later state is known.
   *
   * @default - no such store: `act` says it
   */
  readonly isStale?: (failed: ConditionFailed) => boolean;
}

/** The receiver itself, wherever its receipts are. */
export function keyedReceiver<Tx>(options: ReceiverOptions<Tx>, store: ReceiverStore<Tx>): Api {
  const receiver = new Receiver(options, store);
  return (request, limits) => receiver.receive(request, limits);
}

interface Source extends WebhookSource {
  readonly name: string;
  readonly secrets: SecretSource;
}

/** What is written of a delivery while it is worked on. */
type Notes = {
  -readonly [Name in 'source' | 'outcome' | 'skewSeconds' | 'error']?: DeliverySummary[Name];
} & {
  readonly events: Partial<Record<DeliveryOutcome, number>>;
};

const withOutboxBytes = 340_000;
const mostBytes = 1024 * 1024;

class Receiver<Tx> {
  readonly #options: ReceiverOptions<Tx>;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #store: ReceiverStore<Tx>;
  readonly #problem: Problems = problems(undefined);
  readonly #mostBytes: number;

  constructor(options: ReceiverOptions<Tx>, store: ReceiverStore<Tx>) {
    const { settings, outbox, maxBodyBytes = outbox === undefined ? mostBytes : withOutboxBytes } = options;
    this.#options = options;
    this.#store = store;
    this.#sources = new Map(
      Object.entries(options.sources).map(([name, source]) => [
        name,
        { ...source, name, secrets: secretsOf(source, name, settings) },
      ]),
    );
    this.#mostBytes = maxBodyBytes;
  }

  async receive(request: ApiRequest, limits: RequestLimits): Promise<RenderedResponse> {
    const meter = new Meter();
    const notes: Notes = { events: {} };
    let response;
    try {
      response = await this.#take(request, limits, meter, notes);
    } catch (error) {
      notes.error = error;
      notes.outcome = error instanceof MalformedEvent ? 'refused' : 'failed';
      response =
        error instanceof MalformedEvent
          ? this.#problem('event-malformed', { detail: error.problem })
          : this.#problem('not-committed', { detail: comeAgain, headers: retryAfter() });
    }
    this.#tell({ ...notes, status: response.status }, meter);
    await crashPoint('before-answer');
    return response;
  }

  async #take(
    request: ApiRequest,
    limits: RequestLimits,
    meter: Meter,
    notes: Notes,
  ): Promise<RenderedResponse> {
    const refuse = (...[kind, parts]: Parameters<Problems>) => {
      notes.outcome = 'refused';
      notes.error = kind;
      return this.#problem(kind, parts);
    };
    await crashPoint('batch-received');
    const { body, headers, params, path } = request;
    const name = (this.#options.sourceOf ?? (() => params.source ?? path.split('/').at(-1)))(request);
    const source = this.#sources.get(name ?? '');
    if (source === undefined)
      return refuse('source-unknown', { detail: 'no sender is configured under this address' });
    notes.source = source.name;
    if (request.method !== 'POST')
      return refuse('method-not-allowed', {
        detail: 'events are sent with POST',
        headers: { allow: 'POST' },
      });
    if (body.byteLength > this.#mostBytes)
      return refuse('body-too-large', { detail: `the body may have ${this.#mostBytes} bytes` });
    const query = request.rawQuery ?? request.query.toString();
    const opened = await open({ query, headers, body }, source, source.secrets);
    if (opened.skewSeconds !== undefined) notes.skewSeconds = opened.skewSeconds;
    if (opened.kind === 'refused') return refuse(opened.refusal.kind, opened.refusal.parts);
    if (opened.kind === 'handshake') {
      notes.outcome = 'handshake';
      return render(opened.response);
    }
    return this.#settleAll(request, source, opened, { ...limits, meter }, notes);
  }

  /** One delivery is answered once: with success if all of its events are here, or else with what is worst. */
  async #settleAll(
    request: ApiRequest,
    source: Source,
    { events, signedAt }: { readonly events: readonly SentEvent[]; readonly signedAt?: number },
    limits: RequestLimits & { readonly meter: Meter },
    notes: Notes,
  ): Promise<RenderedResponse> {
    let worst: Settled | undefined;
    for (const event of events) {
      const { outcome, settled } = await this.#settle(request, source, { ...event, signedAt }, limits);
      notes.events[outcome] = (notes.events[outcome] ?? 0) + 1;
      if (settled !== undefined && settled.response.status > (worst?.response.status ?? 399)) worst = settled;
    }
    if (worst === undefined) return marked(render(source.scheme.reply ?? { status: 200 }), notes.events);
    notes.outcome = 'failed';
    notes.error = worst.error;
    return worst.response;
  }

  async #settle(
    request: ApiRequest,
    source: Source,
    sent: SentEvent & { readonly signedAt?: number },
    limits: RequestLimits & { readonly meter: Meter },
  ): Promise<{ readonly outcome: DeliveryOutcome; readonly settled?: Settled }> {
    if (source.types?.includes(sent.type) === false) return { outcome: 'ignored' };
    const { receiverName } = this.#options.settings;
    const id = fingerprintOf([source.name, ...sent.identity]);
    const event: ReceivedEvent = { ...sent, id, source: source.name };
    const stale = { is: false };
    const context = this.#context(source, event, stale);
    const receipt = { id: receiptId(receiverName, id), fingerprint: '' };
    const { meter } = limits;
    const settled = await new Execution(context, receipt, limits, meter).settle({
      ...request,
      id,
      key: id,
      keyGiven: true,
      caller: source.name,
      body: event,
    });
    if (settled.response.status >= 400) return { outcome: 'failed', settled };
    if (settled.outcome === 'replayed') return { outcome: 'duplicate' };
    return { outcome: stale.is ? 'stale' : 'processed' };
  }

  #context(
    source: Source,
    event: ReceivedEvent,
    stale: { is: boolean },
  ): ExecutionContext<ReceivedEvent, Tx> {
    const { store, isStale } = this.#store;
    return {
      store,
      responses: undefined,
      problem: this.#problem,
      savedHeaders: new Set(),
      transient: new Set(),
      onceFor: undefined,
      options: {
        handle: async (_, tx) => {
          stale.is = !(await this.#store.act(source, event, tx));
          return { status: 200 };
        },
        onConditionFailed: (failed) => {
          if (isStale?.(failed) !== true) throw failed;
          stale.is = true;
          return { status: 200 };
        },
      },
    };
  }

  #tell(notes: Notes & { readonly status: number }, meter: Meter): void {
    const { writeUnits, readUnits, calls, conflicts } = meter;
    const receiver = this.#options.settings.receiverName;
    const { observe = logDelivery } = this.#options;
    tell(observe, { receiver, ...notes, writeUnits, readUnits, calls, conflicts });
  }
}

/** Tells a sender that listens that nothing of it acted anew, as the API does with a saved answer. */
function marked(
  response: RenderedResponse,
  { duplicate = 0, ...others }: DeliverySummary['events'],
): RenderedResponse {
  const onlyDuplicates = duplicate > 0 && Object.keys(others).length === 0;
  const { headers } = response;
  return onlyDuplicates ? { ...response, headers: { ...headers, 'idempotent-replayed': 'true' } } : response;
}

const comeAgain = 'nothing is known to be committed; send the same event again after the time in Retry-After';
