import type { StandardSchemaV1 } from '@standard-schema/spec';
import {
  DependencyFailed,
  faultOf,
  IgnoreMessage,
  isFinal,
  KeyReused,
  ParkedWaiting,
  ProcessDied,
  Waiting,
} from '../dedup/errors.js';
import { crashPoint } from '../dedup/crash-points.js';
import type { History } from '../dedup/history.js';
import type { Outcome } from '../dedup/outcome.js';
import type { FailedParked, Prepared } from '../dedup/way.js';
import type { Arrival } from './arrival.js';
import { excused, ranAlone } from './arrival.js';
import { hasDied, nextCompany } from './company.js';
import { drain, type TroubleOptions } from './drain.js';
import { reasonOf } from './failures.js';
import { GiveUp, type GiveUpOrigin } from './give-up.js';
import type { Judge } from './judge.js';
import type { Judged, Lane, LaneWork } from './lane.js';
import { ParkedEvents } from './parked-events.js';
import { passOverMissing } from './missing.js';
import type { Delivery, Nudge } from './transport.js';
import { verdictOf, type Failure } from './verdict.js';
import { delaySeconds } from './delay.js';

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/**
 * What a batch does about messages that have not gone well: failed, given up, suspected, of a stopped group. A module
 * that is loaded when there is one, so that an instance which meets none starts sooner and smaller.
 */
export class Trouble<
  Schema extends StandardSchemaV1,
  D extends Delivery,
  Unit extends Prepared,
> implements Judge<BodyOf<Schema>, D, Unit> {
  readonly #options: TroubleOptions<Schema, D, Unit>;
  readonly #giveUp: GiveUp<BodyOf<Schema>, D>;
  readonly #parked: ParkedEvents<Schema, D, Unit>;
  readonly #noted = new Set<Arrival<BodyOf<Schema>, D>>();

  constructor(options: TroubleOptions<Schema, D, Unit>) {
    this.#options = options;
    this.#giveUp = new GiveUp({ ...options, limits: options.lastLimits, positions: options.way.positions });
    this.#parked = new ParkedEvents(options, this.#giveUp, async () => this.#noteBack(this.#handedBack()));
  }

  /**
   * The one path of everything that goes wrong with a message: whose fault it is, whether it was processed before,
   * how often it failed. Settles the message, and never throws.
   */
  async judge(
    arrival: Arrival<BodyOf<Schema>, D>,
    { kind, error }: Extract<Outcome, { error?: unknown }>,
    origin: GiveUpOrigin<BodyOf<Schema>, D>,
  ): Promise<Judged> {
    if (error instanceof IgnoreMessage) {
      arrival.settle({ kind: 'ignored' });
      return 'goes-on';
    }
    try {
      let cause = error;
      let final = kind === 'rejected' || isFinal(error);
      if (error !== undefined && faultOf(error) !== 'dependency' && !(error instanceof KeyReused)) {
        let stored = await this.#stored(arrival);
        if (stored?.kind === 'retry') stored = await this.#carry(arrival);
        if (stored?.kind === 'duplicate') {
          arrival.settle(stored);
          return 'goes-on';
        }
        if (stored?.kind === 'rejected') [cause, final] = [stored.error, true];
        if (stored?.kind === 'retry') [cause, final] = [stored.error, false];
      }
      return await this.#pronounce(arrival, cause, final, origin);
    } catch (cause) {
      arrival.settle({ kind: 'retry', error: asDependency(cause) });
      return 'closes';
    }
  }

  async #pronounce(
    arrival: Arrival<BodyOf<Schema>, D>,
    error: unknown,
    final: boolean,
    origin: GiveUpOrigin<BodyOf<Schema>, D>,
  ): Promise<Judged> {
    const fault = error === undefined ? 'dependency' : faultOf(error);
    switch (verdictOf(this.#failure(fault, final, arrival.history))) {
      case 'not-yet':
      case 'excuse':
        arrival.settle({ kind: 'retry', error });
        return 'closes';
      case 'count':
        arrival.settle({ kind: 'retry', error }, true);
        return 'closes';
      case 'give-up': {
        const { stops, failedParked } = await this.#giveUp.giveUp(arrival, error, origin);
        // Of one at which its group stopped, the parking rows know.
        if (!stops)
          await this.#options.failures.add(
            [{ id: arrival.delivery.id, kind: 'lettered', reason: reasonOf(error) }],
            this.#options.lastLimits(),
          );
        arrival.settle({ kind: 'rejected', error });
        await this.judgeParked(failedParked, arrival.delivery);
        return stops ? 'stops' : 'goes-on';
      }
    }
  }

  async judgeParked(failed: readonly FailedParked[], carrier: D): Promise<void> {
    await this.#parked.judge(failed, carrier);
  }

  /**
   * Keeps messages of a stopped group. Those that were processed before are no longer to act: their receipts may
   * expire while they wait.
   */
  async park(
    arrivals: readonly Arrival<BodyOf<Schema>, D>[],
    origin: GiveUpOrigin<BodyOf<Schema>, D>,
  ): Promise<number> {
    try {
      for (const arrival of arrivals) {
        const stored = await this.#stored(arrival);
        if (stored?.kind === 'duplicate') arrival.settle(stored);
      }
      const rest = arrivals.filter(({ isSettled }) => !isSettled);
      const parked = rest.length === 0 ? 0 : await origin.park(rest);
      for (const arrival of rest.slice(0, parked)) arrival.settle({ kind: 'parked' });
      const stuck = rest[parked];
      return stuck === undefined ? arrivals.length : arrivals.indexOf(stuck);
    } catch (cause) {
      const stuck = arrivals.findIndex(({ isSettled }) => !isSettled);
      arrivals[stuck]?.settle({ kind: 'retry', error: asDependency(cause) });
      return Math.max(0, stuck);
    }
  }

  /**
   * When every lane waits for a suspect: gives up those that have died alone, and starts the next company. All others
   * are handed back, in writing, before it runs; behind one that runs alone nothing else runs. Never throws.
   *
   * @returns false when nothing is left to be started.
   */
  async startSuspects(
    lanes: readonly Lane<BodyOf<Schema>, D, Unit>[],
    work: LaneWork<BodyOf<Schema>, D, Unit>,
    read: (some: readonly Arrival<BodyOf<Schema>, D>[]) => Promise<void>,
  ): Promise<boolean> {
    const { failures, limits } = this.#options;
    const dead = lanes.flatMap((lane) => {
      const [head] = lane.waiting;
      return head?.isSuspect && hasDied(head.history) ? [{ lane, head }] : [];
    });
    for (const { lane, head } of dead) {
      head.start(0);
      // Reading it may be what kills.
      if (head.history.readable) await read([head]);
      if (head.isSettled) continue;
      await lane.judge(
        head,
        { kind: 'rejected', error: new ProcessDied(head.delivery.id, head.history.alone) },
        work,
      );
    }
    if (dead.length > 0) return true;
    const suspects = lanes.map(({ waiting }) =>
      waiting.slice(
        0,
        until(waiting, ({ isSuspect }) => !isSuspect),
      ),
    );
    const company = nextCompany(suspects);
    const started = new Set(company);
    const alone = company.length === 1;
    for (const lane of lanes) {
      const left = lane.waiting.find((one) => !started.has(one) && (alone || one.isSuspect));
      if (left !== undefined) lane.close(left);
    }
    if (company.length === 0 || !this.#options.pace.mayStart(this.#options.remainingMs())) {
      for (const lane of lanes) for (const one of lane.waiting) lane.close(one);
      return false;
    }
    await this.#noteBack(this.#handedBack());
    try {
      const ids = company.map(({ delivery }) => delivery.id);
      await failures.start(ids, limits());
    } catch (cause) {
      for (const one of company) one.settle({ kind: 'retry', error: asDependency(cause) });
      for (const lane of lanes) for (const one of lane.waiting) lane.close(one);
      return true;
    }
    for (const one of company) one.start(company.length);
    await crashPoint('suspect-started');
    await read(company);
    if (alone)
      await failures.add(
        company.map(({ delivery }) => ({ id: delivery.id, kind: 'readable' as const })),
        limits(),
      );
    return true;
  }

  /** Does what an operator asks for by a nudge. Never throws. */
  async obey(arrival: Arrival<BodyOf<Schema>, D>, nudge: Nudge): Promise<void> {
    const { store } = this.#options;
    if ('passOver' in nudge) await passOverMissing(arrival, nudge.passOver, this.#options, this);
    else if (store === undefined) arrival.settle(excused);
    else await drain(arrival, nudge.resumes, { ...this.#options, store, trouble: this });
  }

  /** Writes down why messages come again, and has them come when it makes sense. Never throws. */
  async handBack(arrivals: readonly Arrival<BodyOf<Schema>, D>[]): Promise<void> {
    const { transport, lastLimits } = this.#options;
    // Those that ran alone too, although they are done with: while their acknowledgement gets lost, each delivery of
    // theirs would count as a death.
    await this.#noteBack([...new Set([...arrivals, ...this.#options.arrivals.filter(ranAlone)])]);
    const lanes = Map.groupBy(arrivals, ({ delivery }) => delivery.lane);
    // A group of which one member is hidden is hidden: all of them are given the time of their first.
    const deferrals = [...lanes.values()].flatMap((members) => {
      const [head] = members;
      const seconds = head === undefined ? 0 : delaySeconds(head);
      return members.map(({ delivery }) => ({ delivery, seconds }));
    });
    await transport.defer(deferrals, lastLimits());
  }

  async #noteBack(arrivals: readonly Arrival<BodyOf<Schema>, D>[]): Promise<void> {
    const { failures, lastLimits } = this.#options;
    const fresh = arrivals.filter((arrival) => !this.#noted.has(arrival));
    for (const arrival of fresh) this.#noted.add(arrival);
    if (fresh.length === 0) return;
    await crashPoint('before-attempts');
    await failures.note(fresh, lastLimits());
    await crashPoint('after-attempts');
  }

  #handedBack(): readonly Arrival<BodyOf<Schema>, D>[] {
    return this.#options.arrivals.filter(({ outcome }) => outcome?.kind === 'retry');
  }

  /**
   * What the store says of a message that is about to get a verdict. @throws DependencyFailed when it could not be
   * asked.
   */
  async #stored({ recognised }: Arrival<BodyOf<Schema>, D>): Promise<Outcome | undefined> {
    const { way, lastLimits } = this.#options;
    if (recognised === undefined) return undefined;
    return (await way.recall?.([recognised], lastLimits(), true))?.get(recognised);
  }

  /**
   * Commits a message that has acted before, and so will not act now: nobody but it brings the parked events of its
   * stream whose turn has come.
   */
  async #carry({ recognised, delivery }: Arrival<BodyOf<Schema>, D>): Promise<Outcome | undefined> {
    const { way, limits } = this.#options;
    if (recognised === undefined) return undefined;
    const unit = await way.prepare(recognised, { lane: delivery.lane, ahead: false, limits });
    const { outcomes, failedParked = [] } = await way.commit([unit], limits(), true);
    const through = await this.#parked.judge(failedParked, delivery);
    const outcome = outcomes.get(unit);
    const waits = outcome?.kind === 'retry' && outcome.error instanceof ParkedWaiting;
    return waits && through.has(way.positions?.of(recognised).stream ?? '') ? { kind: 'duplicate' } : outcome;
  }

  #failure(fault: Failure['fault'], final: boolean, { failed }: History): Failure {
    return { fault, final, ahead: false, failed, maxFailures: this.#options.maxFailures };
  }
}

/** Index of the first that matches, else the length. */
function until<T>(some: readonly T[], matches: (one: T) => boolean): number {
  const at = some.findIndex(matches);
  return at < 0 ? some.length : at;
}

/** What goes wrong on the way to a verdict is never the message's. */
function asDependency(cause: unknown): DependencyFailed | Waiting {
  if (cause instanceof DependencyFailed || cause instanceof Waiting) return cause;
  return new DependencyFailed(
    `what has to be done about a failure is not done: ${cause instanceof Error ? cause.name : typeof cause}`,
    { cause },
  );
}
