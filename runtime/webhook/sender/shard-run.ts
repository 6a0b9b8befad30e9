import { crashPoint } from '../../dedup/crash-points.js';
import { NewerRow } from '../../dedup/errors.js';
import type { Row } from '../../dynamodb/table.js';
import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';
import { attempt, hold, type Attempt, type AttemptTools } from './attempt.js';
import { Backlog } from './backlog.js';
import { DueLook } from './due-look.js';
import type { Endpoint } from './endpoint.js';
import { EndpointRun, type HealthRules } from './health.js';
import { runLane } from './lane.js';
import {
  endpointKey,
  endpointOf,
  eventKey,
  readEndpoint,
  readEvent,
  readDelivery,
  webhookIdIn,
  type Delivery,
  type RowKey,
  type StoredEvent,
} from './rows.js';
import type { Slots } from './slots.js';
import { ShardLease, type LeaseTimes } from './store/shard-lease.js';
import type { DueRow } from './store/webhook-store.js';
import type { RunTally } from './summary.js';
import { takeTurns, type Picked } from './turns.js';

export interface RunLimits extends LeaseTimes {
  readonly health: HealthRules;
  readonly maxInFlightPerEndpoint: number;
  /** For one attempt, in milliseconds. */
  readonly timeoutMs: number;
  /** How long a worker goes on looking after it has found nothing, in milliseconds: the index is behind. */
  readonly lingerMs: number;
}

/** A retry that is so near is waited for. */
const soonMs = 10_000;
/** How long an endpoint is remembered: so long does a change take to be seen. */
const endpointMs = 10_000;

/**
 * Sends what is due of one shard, for as long as there is something, the lease is held and the time lasts. Endpoints
 * take turns: neither a long queue nor a hanging endpoint holds up another one.
 */
export class ShardRun {
  readonly #backlog = new Backlog();
  readonly #due: DueLook;
  readonly #endpoints = new Map<string, { readonly run: EndpointRun | undefined; readonly at: number }>();
  readonly #under = new Set<Promise<void>>();
  #deadline = 0;
  /** From then on no attempt begins to endpoints that fail. Epoch milliseconds of the real clock. */
  #failingUntil = 0;
  #foundAt = performance.now();
  #soonest = Infinity;
  #changed: () => void = () => undefined;
  readonly #tools: AttemptTools;
  readonly #limits: RunLimits;
  readonly #slots: Slots;
  readonly #tally: RunTally;
  readonly #shard: number;

  constructor(tools: AttemptTools, limits: RunLimits, slots: Slots, tally: RunTally, shard: number) {
    this.#tools = tools;
    this.#limits = limits;
    this.#slots = slots;
    this.#tally = tally;
    this.#shard = shard;
    this.#due = new DueLook(tools.store, this.#backlog, shard, tools.now);
  }

  /**
   * @param deadline epoch milliseconds of the real clock, after which no attempt begins.
   * @returns whether another run is to go on: the time was over before it had found nothing to do any more.
   */
  async run(deadline: number): Promise<boolean> {
    this.#deadline = deadline;
    // At the deadline a run waits for what is under way, and begins nothing else: what may hang has ended by then.
    const now = Date.now();
    this.#failingUntil = Math.max(deadline - this.#limits.timeoutMs, now + (deadline - now) / 2);
    const lease = await ShardLease.take(this.#tools.store, this.#shard, this.#limits);
    if (lease === undefined) {
      this.#tally.busy += 1;
      return false;
    }
    await crashPoint('lease-claimed');
    try {
      while (Date.now() < deadline && (await lease.renew())) {
        await this.#due.look();
        if (lease.lasts(this.#limits.timeoutMs)) await this.#begin();
        if (this.#under.size === 0 && this.#isIdle && (await lease.release(true))) return false;
        await this.#somethingHappens();
      }
      // Else the lease is lost, and whoever has it goes on.
      return Date.now() >= deadline;
    } finally {
      this.#slots.starved.delete(this.#shard);
      await Promise.all(this.#under);
      // One that cannot be given back ends by itself.
      await lease.release(false).catch(() => undefined);
    }
  }

  /** Begins what may begin, endpoints in turn. */
  async #begin(): Promise<void> {
    await this.#readEndpoints();
    const { picked, starved } = takeTurns({
      backlog: this.#backlog,
      slots: this.#slots,
      nowMs: this.#tools.now(),
      runOf: (name) => this.#endpoints.get(name)?.run,
      mayBegin: (run) => this.#mayBegin(run),
    });
    if (starved) this.#slots.starved.add(this.#shard);
    else this.#slots.starved.delete(this.#shard);
    if (picked.length > 0) this.#foundAt = performance.now();
    const deliveries = picked.map(({ row }) => row).filter(({ pk }) => pk.startsWith('D#'));
    const rows = await this.#readAll(deliveries).catch((error: unknown) => {
      // This run ends; the slots are those of later runs, too.
      for (const { free } of picked) free();
      throw error;
    });
    for (const one of picked) this.#launch(one, rows);
  }

  #mayBegin(run: EndpointRun): boolean {
    if (run.isFailing && Date.now() >= this.#failingUntil) return false;
    if (run.admit(this.#tools.now())) return true;
    this.#noteDue(run.nextTokenAt);
    return false;
  }

  #launch({ row, run, free }: Picked, rows: Map<string, Record<string, unknown>>): void {
    const work = row.pk.startsWith('Q#') ? this.#lane(row, run) : this.#one(row, run, rows);
    const under = work
      .catch((error: unknown) => {
        // It stays known, so that this run lets it rest; the next one finds it in the index.
        this.#tally.problems += 1;
        logLine({ exactlyOnce: 'webhook not settled', ...errorLine(error) });
      })
      .finally(() => {
        this.#under.delete(under);
        free();
        if (run !== undefined) run.inFlight -= 1;
        this.#changed();
      });
    this.#under.add(under);
  }

  async #one(
    row: DueRow,
    run: EndpointRun | undefined,
    rows: Map<string, Record<string, unknown>>,
  ): Promise<void> {
    const { tenant } = endpointOf(row);
    const [sent, said] = [rows.get(nameOf(row)), rows.get(nameOf(eventKey(tenant, webhookIdIn(row))))];
    const delivery = sent && readDelivery(sent);
    const event = said && readEvent(said);
    if (delivery?.state === 'waiting' && delivery.dueAt <= this.#tools.now())
      this.#note(await this.attempt(run, delivery, event));
    this.#backlog.forget(row);
  }

  async #lane(row: DueRow, run: EndpointRun | undefined): Promise<void> {
    const dueAt = await runLane(this.#tools, row, {
      attempt: (delivery, event) => this.attempt(run, delivery, event),
      note: (one) => this.#note(one),
      mayGoOn: () =>
        Date.now() < this.#deadline && !this.#mustGiveWay && run?.hasToken(this.#tools.now()) !== false,
    });
    this.#noteDue(dueAt);
    this.#backlog.forget(row);
  }

  /** One attempt, or none where there is nobody to send to. */
  async attempt(
    run: EndpointRun | undefined,
    delivery: Delivery,
    event: StoredEvent | undefined,
  ): Promise<Attempt> {
    const { store, now } = this.#tools;
    if (run !== undefined && run.disabled === undefined && event !== undefined) {
      const ended = run.begin(now());
      return attempt(this.#tools, run, delivery, event).finally(ended);
    }
    const why = event === undefined ? 'the event has expired' : 'the endpoint is disabled';
    const lastAt = new Date(now()).toISOString();
    return { outcome: await hold(store, delivery, { last: why, lastAt, sends: 0 }), durationMs: 0 };
  }

  #note(one: Attempt): void {
    this.#tally.note(one);
    this.#noteDue(one.dueAt);
  }

  #noteDue(dueAt: number | undefined): void {
    if (dueAt !== undefined) this.#soonest = Math.min(this.#soonest, dueAt);
  }

  async #readEndpoints(): Promise<void> {
    const now = this.#tools.now();
    const stale = this.#backlog.endpoints.filter((name) => {
      const known = this.#endpoints.get(name);
      return known === undefined || (now - known.at > endpointMs && (known.run?.inFlight ?? 0) === 0);
    });
    const keys = stale.map((name) => {
      const [tenant = '', endpointId = ''] = name.split('#');
      return endpointKey(tenant, endpointId);
    });
    const rows = new Map(
      (await this.#tools.store.read(keys)).map((row) => [
        `${String(row.tenant)}#${String(row.endpointId)}`,
        row,
      ]),
    );
    for (const name of stale) {
      const endpoint = this.#understood(name, rows.get(name));
      if (endpoint === 'newer') continue;
      const run =
        endpoint &&
        new EndpointRun(
          endpoint,
          this.#limits.health,
          this.#limits.maxInFlightPerEndpoint,
          now,
          this.#endpoints.get(name)?.run,
        );
      this.#endpoints.set(name, { run, at: now });
    }
  }

  /** An endpoint that a newer version has written rests, and holds up no other one (R17). */
  #understood(name: string, row: Row | undefined): Endpoint | undefined | 'newer' {
    try {
      return row && readEndpoint(row);
    } catch (error) {
      if (!(error instanceof NewerRow)) throw error;
      this.#backlog.leave(name);
      this.#tally.problems += 1;
      logLine({ exactlyOnce: 'webhook endpoint not read', ...errorLine(error) });
      return 'newer';
    }
  }

  /** Deliveries and their events by name; what is in the index for the last second only is not due any more. */
  async #readAll(deliveries: readonly DueRow[]): Promise<Map<string, Record<string, unknown>>> {
    const keys = new Map<string, RowKey>();
    for (const row of deliveries) {
      const event = eventKey(endpointOf(row).tenant, webhookIdIn(row));
      keys.set(nameOf(row), { pk: row.pk, sk: row.sk }).set(nameOf(event), event);
    }
    const rows = await this.#tools.store.read([...keys.values()]);
    return new Map(rows.map((row) => [nameOf(row as RowKey), row]));
  }

  /** Others wait for a slot: a lane gives its own back after each place. */
  get #mustGiveWay(): boolean {
    return this.#slots.isFull && this.#slots.starved.size > 0;
  }

  /** Whether nothing can begin for a while. */
  get #isIdle(): boolean {
    const { lingerMs } = this.#limits;
    const waited = performance.now() - this.#foundAt >= lingerMs;
    const soon = this.#soonest - this.#tools.now();
    if (soon <= 0) this.#soonest = Infinity;
    if (this.#slots.starved.has(this.#shard) || this.#due.hasMore) return false;
    return waited && !(lingerMs > 0 && soon <= soonMs);
  }

  async #somethingHappens(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#changed = resolve;
      timer = setTimeout(resolve, this.#due.nextInMs);
    });
    clearTimeout(timer);
  }
}

const nameOf = ({ pk, sk }: RowKey): string => `${pk}\n${sk}`;
