import type { StandardSchemaV1 } from '@standard-schema/spec';
import { crashPoint } from '../dedup/crash-points.js';
import type { FailureStore } from '../dedup/failure-store.js';
import type { Limits } from '../dedup/limits.js';
import { Meter } from '../dedup/meter.js';
import { timerMs } from '../dedup/timer-ms.js';
import type { Prepared, Way } from '../dedup/way.js';
import type { BatchSummary } from '../telemetry/batch-summary.js';
import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';
import { tell } from '../telemetry/tell.js';
import { Arrival, ranAlone, type Recognised } from './arrival.js';
import type { BatchOptions } from './batch-options.js';
import type { GiveUpOrigin, StoppedGroups } from './give-up.js';
import type { Memory } from './memory.js';
import { Pace } from './pace.js';
import type { Recognition } from './recognise.js';
import { run } from './run.js';
import type { EngineSettings } from './settings.js';
import { newTally, summarise } from './summary.js';
import type { Delivery, Transport } from './transport.js';
import type { Judge } from './judge.js';

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** What a consumer is made of, whatever its messages come from and wherever they are committed. */
export interface EngineOptions<
  Raw,
  Schema extends StandardSchemaV1,
  D extends Delivery,
  Unit extends Prepared,
> extends Recognition<Schema> {
  readonly settings: EngineSettings;
  readonly transport: Transport<Raw, D>;
  readonly way: Way<Recognised<BodyOf<Schema>>, Unit>;
  /**
   * Loads the store of what is known of failures, when it is needed. Undefined: nothing but deliveries is counted.
   */
  readonly failureStore: (() => Promise<FailureStore>) | undefined;
  /** Called once per batch. What it throws is logged and changes nothing. */
  readonly observe: (summary: BatchSummary) => void;
}

/**
 * Parts of an invocation's time that are kept for what has to be said at the end of it, and for the answer itself.
 */
const saying = { part: 0.1, atMostMs: 1_500 };
const answering = { part: 0.02, atMostMs: 250 };

/** An engine: runs the batches of one consumer, as long as its process lives. */
export class Engine<Raw, Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared> {
  readonly #options: EngineOptions<Raw, Schema, D, Unit>;
  /** What outlives a batch: what could not be written about failures, and whether groups may stand still. */
  #memory: Promise<Memory> | undefined;

  constructor(options: EngineOptions<Raw, Schema, D, Unit>) {
    this.#options = options;
  }

  /**
   * Runs one batch: each message to its outcome.
   *
   * @param remainingMs what is left of the invocation, in milliseconds
   * @returns the messages that come again, in their order.
   */
  async run(raws: readonly Raw[], remainingMs: () => number): Promise<readonly Raw[]> {
    const { settings, transport, way, observe } = this.#options;
    await crashPoint('batch-received');
    const meter = new Meter();
    const tally = newTally();
    const clock = new Clock(remainingMs(), meter);
    try {
      const arrivals = raws.map((raw) => new Arrival<BodyOf<Schema>, D>(transport.read(raw)));
      await way.ready?.(clock.limits());
      const batch = this.#batch(arrivals, clock, remainingMs);
      const { onFailure = way.positions === undefined ? 'skip' : 'stop' } = settings;
      const stops = onFailure === 'stop' && way.positions === undefined;
      let loaded:
        { trouble: Judge<BodyOf<Schema>, D, Unit>; origin: StoppedGroups<BodyOf<Schema>, D> } | undefined;
      const load = async () => {
        if (loaded !== undefined) return loaded;
        const { loadTrouble } = await import('./memory.js');
        return (loaded ??= loadTrouble(await this.#remember(), batch, { onFailure, stops, tally }));
      };
      if (await this.#needsRecall(arrivals, stops, clock.limits())) {
        const { recall } = await import('./memory.js');
        await recall(await this.#remember(), arrivals, (await load()).origin, clock.limits());
      }
      await crashPoint('receipts-recalled');
      const trouble = async () => (await load()).trouble;
      const messages = arrivals.filter(({ delivery }) => delivery.nudge === undefined);
      await run(messages, { ...batch, trouble }, loaded?.origin ?? flowing(load));
      if (messages.length < arrivals.length)
        await (await import('./memory.js')).obeyAll(batch, await trouble());
      const back = handedBack(arrivals);
      if (back.length > 0 || arrivals.some(ranAlone)) await (await trouble()).handBack(back);
      await crashPoint('before-answer');
      tell(observe, { ...(await summarise(settings.consumerName, arrivals, back, meter)), ...tally });
      const again = new Set<Arrival<BodyOf<Schema>, D>>(back);
      return raws.filter((_, i) => {
        const arrival = arrivals[i];
        return arrival !== undefined && again.has(arrival);
      });
    } finally {
      clock.stop();
    }
  }

  /** Whether anything may be known of these: they were delivered before, or their groups may stand still. */
  async #needsRecall(
    arrivals: readonly Arrival<BodyOf<Schema>, D>[],
    stops: boolean,
    limits: Limits,
  ): Promise<boolean> {
    const { failureStore, way, transport } = this.#options;
    if (arrivals.some(({ delivery }) => (delivery.deliveries ?? 2) > 1)) return true;
    const mayStop = failureStore !== undefined && transport.stopsGroups;
    if (!mayStop || !arrivals.some(({ delivery }) => delivery.ordered)) return false;
    if (stops) return true;
    if (way.positions !== undefined) return false;
    return (await this.#remember()).gate.mayStandStill(limits);
  }

  #remember(): Promise<Memory> {
    return (this.#memory ??= import('./memory.js').then(({ Memory }) =>
      Memory.of(this.#options.failureStore),
    ));
  }

  #batch(
    arrivals: readonly Arrival<BodyOf<Schema>, D>[],
    clock: Clock,
    remainingMs: () => number,
  ): BatchOptions<Schema, D, Unit> {
    const { consumerName } = this.#options.settings;
    return {
      ...this.#options,
      arrivals,
      remainingMs,
      pace: clock.pace,
      limits: clock.limits,
      lastLimits: clock.lastLimits,
      report: (exactlyOnce, cause) => logLine({ exactlyOnce, consumer: consumerName, ...errorLine(cause) }),
    };
  }
}

/** The time of one invocation. */
class Clock {
  readonly pace: Pace;
  readonly limits: () => Limits;
  readonly lastLimits: () => Limits;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(totalMs: number, meter: Meter) {
    this.pace = new Pace(totalMs);
    const now = Date.now();
    const kept = (of: typeof saying) => Math.min(of.atMostMs, of.part * totalMs);
    const last = now + totalMs - kept(answering);
    const limits = this.#until(last - kept(saying), meter);
    const lastLimits = this.#until(last, meter);
    this.limits = () => limits;
    this.lastLimits = () => lastLimits;
  }

  #until(deadline: number, meter: Meter): Limits {
    const controller = new AbortController();
    this.#timers.push(setTimeout(() => controller.abort(), timerMs(deadline - Date.now())));
    return { deadline, signal: controller.signal, meter };
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** Nothing stands still, as long as nobody has looked. */
function flowing<Body, D extends Delivery>(
  load: () => Promise<{ readonly origin: GiveUpOrigin<Body, D> }>,
): GiveUpOrigin<Body, D> {
  return {
    standsStill: () => false,
    stopsFrom: () => 0,
    stop: async (arrival, error) => (await load()).origin.stop(arrival, error),
    park: async (arrivals) => (await load()).origin.park(arrivals),
  };
}

/** Those that come again: without a final outcome and, to keep the order, all later ones of their lane. */
function handedBack<Body, D extends Delivery>(
  arrivals: readonly Arrival<Body, D>[],
): readonly Arrival<Body, D>[] {
  const closed = new Set<string>();
  return arrivals.filter(({ delivery: { lane }, outcome }) => {
    if (outcome === undefined || outcome.kind === 'retry') closed.add(lane);
    return closed.has(lane);
  });
}
