import { crashPoint } from '../../dedup/crash-points.js';
import { deliveryAsSeen, deliveryNotDone, webhookRowThere } from '../../dynamodb/webhook-conditions.js';
import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';
import { alertOf, type Alerts } from './alerts.js';
import type { DisabledReason } from './endpoint.js';
import { AlertNotTold } from './errors.js';
import type { EndpointRun, HealthChange } from './health.js';
import type { Poster } from './post.js';
import { attemptKey, endpointKey, rowVersion, type Delivery, type StoredEvent } from './rows.js';
import { waitMs } from './schedule.js';
import { signedHeaders } from './sign.js';
import type { WebhookStore } from './store/webhook-store.js';
import { verdictOf, type Attempted } from './verdict.js';

/** What attempts are made with. */
export interface AttemptTools {
  readonly store: WebhookStore;
  readonly poster: Poster;
  readonly alerts: Alerts | undefined;
  readonly schedule: readonly number[];
  readonly userAgent: string;
  readonly now: () => number;
  readonly random: () => number;
}

/** What became of a delivery with one attempt. */
export type AttemptOutcome =
  | 'delivered'
  /** It is tried again later. */
  | 'retried'
  /** Its attempts are used up. */
  | 'exhausted'
  /** Its endpoint is disabled. */
  | 'held'
  /** This side's own trouble. */
  | 'ours';

export interface Attempt {
  readonly outcome: AttemptOutcome;
  /** Epoch milliseconds of the next one, when there is one. */
  readonly dueAt?: number;
  readonly durationMs: number;
}

/** What a pause after our own trouble is, in milliseconds. */
const ownPauseMs = 60_000;
const outOfIndex = ['dueIn'];

/**
 * Makes one attempt and writes down what came of it. Killed anywhere in between, the delivery is as it was, and is
 * sent again under the same `webhook-id`.
 *
 * @throws DependencyFailed when it could not be written down.
 */
export async function attempt(
  tools: AttemptTools,
  run: EndpointRun,
  delivery: Delivery,
  event: StoredEvent,
): Promise<Attempt> {
  const { endpoint } = run;
  const { now } = tools;
  await crashPoint('before-send');
  const attempted = await tools.poster.post(
    {
      url: endpoint.url,
      body: event.body,
      headers: {
        ...endpoint.headers,
        'content-type': 'application/json',
        'user-agent': tools.userAgent,
        ...signedHeaders(event.webhookId, event.body, endpoint.secrets, now()),
      },
    },
    now,
  );
  await crashPoint('after-send');
  const settled = await settle(tools, run, { delivery, event, attempted });
  await crashPoint('after-mark');
  return { ...settled, durationMs: attempted.durationMs };
}

interface Made {
  readonly delivery: Delivery;
  readonly event: StoredEvent;
  readonly attempted: Attempted;
}

async function settle(
  tools: AttemptTools,
  run: EndpointRun,
  made: Made,
): Promise<Omit<Attempt, 'durationMs'>> {
  const { store, now, random } = tools;
  const { delivery, attempted } = made;
  const verdict = verdictOf(attempted);
  const at = now();
  const lastAt = new Date(at).toISOString();
  if (verdict.kind === 'delivered') {
    const { status, replayed = false } = attempted as { status: number; replayed?: boolean };
    const set = { state: 'delivered', last: String(status), lastAt };
    await store.update(
      delivery,
      {
        set: { ...set, durationMs: attempted.durationMs },
        add: { sends: 1, attempts: 1, ...(replayed && { suppressed: 1 }) },
        remove: outOfIndex,
      },
      deliveryNotDone(),
    );
    await writeHealth(store, run, run.succeeded());
    return { outcome: 'delivered' };
  }
  const rest = async (reason: string) => {
    const dueAt = Math.round(at + ownPauseMs * (1 + 0.2 * random()));
    const set = { dueAt, last: reason, lastAt };
    await store.update(delivery, { set, add: { sends: 1, ownFaults: 1 } }, deliveryAsSeen(delivery.sends));
    return { outcome: 'ours' as const, dueAt };
  };
  if (verdict.kind === 'ours') return rest(verdict.reason);
  try {
    return await settleFailure(tools, run, made, verdict, at);
  } catch (error) {
    if (!(error instanceof AlertNotTold)) throw error;
    // Whoever is to be told will be, but the endpoint is not asked again and again until then.
    logLine({ exactlyOnce: 'alert not told', ...errorLine(error) });
    return rest(error.name);
  }
}

async function settleFailure(
  tools: AttemptTools,
  run: EndpointRun,
  made: Made,
  verdict: Exclude<ReturnType<typeof verdictOf>, { readonly kind: 'delivered' | 'ours' }>,
  at: number,
): Promise<Omit<Attempt, 'durationMs'>> {
  const { store, random, schedule } = tools;
  const { delivery } = made;
  const lastAt = new Date(at).toISOString();
  const last = verdict.kind === 'gone' ? 'answered 410' : verdict.reason;
  await noteAttempt(store, made, last, lastAt);
  if (verdict.kind === 'gone') {
    await disable(tools, run, made, 'gone', last);
    return { outcome: await hold(store, delivery, { last, lastAt, sends: 1 }) };
  }
  await writeHealth(store, run, run.failed(at));
  const wait = waitMs(run.endpoint.schedule ?? schedule, delivery.attempts + 1, verdict.wish, random);
  if (wait === undefined) await exhaust(tools, run, made, last, lastAt);
  else
    await store.update(
      delivery,
      { set: { dueAt: at + wait, last, lastAt }, add: { sends: 1, attempts: 1 } },
      deliveryAsSeen(delivery.sends),
    );
  await alertOnTheWay(tools, run, made, last);
  return wait === undefined ? { outcome: 'exhausted' } : { outcome: 'retried', dueAt: at + wait };
}

/** Takes a delivery off the index until somebody puts it up again. */
export async function hold(
  store: WebhookStore,
  delivery: Delivery,
  why: { readonly last: string; readonly lastAt: string; readonly sends: 0 | 1 },
): Promise<'held'> {
  const { last, lastAt, sends } = why;
  await store.update(
    delivery,
    { set: { state: 'held', last, lastAt }, add: { sends }, remove: outOfIndex },
    deliveryAsSeen(delivery.sends),
  );
  return 'held';
}

/** The line of an attempt that failed. Written first: an attempt that is counted is one that can be looked at. */
async function noteAttempt(store: WebhookStore, made: Made, outcome: string, at: string): Promise<void> {
  const { delivery, attempted } = made;
  const { durationMs } = attempted;
  await store.put({
    ...attemptKey(delivery, delivery.sends),
    ...{ v: rowVersion, at, attempt: delivery.attempts + 1, outcome, durationMs },
    ...{ answer: 'answer' in attempted ? attempted.answer : '', expiration: delivery.expiration },
  });
}

async function writeHealth(
  store: WebhookStore,
  { endpoint }: EndpointRun,
  change: HealthChange,
): Promise<void> {
  if (change === undefined) return;
  const { tenant, endpointId } = endpoint;
  const row = 'set' in change ? { set: { ...change.set } } : change;
  await store.update(endpointKey(tenant, endpointId), row, webhookRowThere());
}

async function exhaust(
  tools: AttemptTools,
  run: EndpointRun,
  made: Made,
  last: string,
  lastAt: string,
): Promise<void> {
  const { store, alerts } = tools;
  const { delivery, event } = made;
  const change = {
    set: { state: 'failed', last, lastAt },
    add: { sends: 1, attempts: 1 },
    remove: outOfIndex,
  };
  const condition = deliveryAsSeen(delivery.sends);
  if (alerts === undefined) {
    await store.update(delivery, change, condition);
    return;
  }
  const { pk, sk, sends } = delivery;
  await alerts.commit(
    ['exhausted', pk, sk, sends],
    alertOf('webhook.delivery.exhausted', run.endpoint, delivery, event, { last }),
    (tx) => tx.update(store.table, { pk, sk }, { ...change, condition: native(condition.expression, sends) }),
  );
}

/** The same condition as a handler's transaction takes it, whose values are native. */
function native(expression: string, sends: number) {
  return {
    expression,
    names: { '#state': 'state', '#sends': 'sends' },
    values: { ':waiting': 'waiting', ':seenSends': sends },
  };
}

/** Tells of the way to disabling, and disables at its end. */
async function alertOnTheWay(tools: AttemptTools, run: EndpointRun, made: Made, last: string): Promise<void> {
  const percent = run.reached(tools.now());
  if (percent === undefined) return;
  run.noteAlerted(percent);
  if (percent === 100) return disable(tools, run, made, 'failing', last);
  const { tenant, endpointId } = run.endpoint;
  const { firstFailureAt = 0 } = run.health;
  const { alerts, store } = tools;
  await alerts?.commit(
    ['failing', tenant, endpointId, firstFailureAt, percent],
    alertOf('webhook.endpoint.failing', run.endpoint, made.delivery, made.event, { percent, last }),
    (tx) => tx.update(store.table, endpointKey(tenant, endpointId), { set: { alerted: percent } }),
  );
}

async function disable(
  tools: AttemptTools,
  run: EndpointRun,
  { delivery, event }: Made,
  reason: DisabledReason,
  last: string,
): Promise<void> {
  const { store, alerts } = tools;
  const { tenant, endpointId } = run.endpoint;
  const key = endpointKey(tenant, endpointId);
  run.disabled = reason;
  const set = { disabled: reason, disabledAt: new Date(tools.now()).toISOString() };
  if (alerts === undefined) {
    await store.update(key, { set }, webhookRowThere());
    return;
  }
  const more = { reason, last, ...(reason === 'failing' && { percent: 100 as const }) };
  const { firstFailureAt = tools.now() } = run.health;
  await alerts.commit(
    ['disabled', tenant, endpointId, reason === 'gone' ? delivery.sk : firstFailureAt, delivery.sends],
    alertOf('webhook.endpoint.disabled', run.endpoint, delivery, event, more),
    (tx) =>
      tx.update(store.table, key, {
        set,
        condition: { expression: webhookRowThere().expression, names: { '#pk': 'pk' } },
      }),
  );
}
