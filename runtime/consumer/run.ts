import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Limits } from '../dedup/limits.js';
import { unlessAborted } from '../dedup/unless-aborted.js';
import type { FailedParked, Prepared, Way } from '../dedup/way.js';
import type { Arrival, Recognised } from './arrival.js';
import { Copies } from './copies.js';
import { Gathering } from './gathering.js';
import type { GiveUpOrigin } from './give-up.js';
import type { Judge } from './judge.js';
import { Lane, type LaneWork } from './lane.js';
import type { Pace } from './pace.js';
import { recognise, type Recognition } from './recognise.js';
import type { Delivery } from './transport.js';

export interface RunOptions<
  Schema extends StandardSchemaV1,
  D extends Delivery,
  Unit extends Prepared,
> extends Recognition<Schema> {
  readonly way: Way<Recognised<StandardSchemaV1.InferOutput<Schema>>, Unit>;
  readonly pace: Pace;
  /** What is left of the invocation. */
  readonly remainingMs: () => number;
  readonly limits: () => Limits;
  /** Loaded when the first message meets any. */
  readonly trouble: () => Promise<Judge<BodyOf<Schema>, D, Unit>>;
}

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/**
 * Runs messages to their outcomes: those of a batch, and those that come out of where they were parked. Recognise,
 * merge copies, ask for receipts, handle and commit round by round, judge what goes wrong, start suspects when
 * everybody else is through. Never throws for what is wrong with a message.
 */
export async function run<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared>(
  arrivals: readonly Arrival<BodyOf<Schema>, D>[],
  options: RunOptions<Schema, D, Unit>,
  origin: GiveUpOrigin<BodyOf<Schema>, D>,
): Promise<void> {
  const { trouble, way } = options;
  const copies = new Copies<BodyOf<Schema>, D>(arrivals);
  const read = async (some: readonly Arrival<BodyOf<Schema>, D>[]) => {
    await Promise.all(some.map((arrival) => recognise(arrival, options, options.limits())));
    for (const arrival of some) copies.add(arrival);
    // Those that were handed out before, and redriven ones.
    const again = some.filter(
      ({ delivery: { deliveries = 2, letter } }) => deliveries > 1 || letter !== undefined,
    );
    if (again.length > 0) await (await import('./unusual.js')).recallReceipts(again, copies, options);
  };
  await read(arrivals.filter(({ isSettled, isSuspect }) => !isSettled && !isSuspect));
  const riders = copies.riders();
  const work: LaneWork<BodyOf<Schema>, D, Unit> = {
    prepare: (recognised, turn) => prepare(recognised, turn, options),
    mayStart: () => options.pace.mayStart(options.remainingMs()),
    judge: async (arrival, outcome) => (await trouble()).judge(arrival, outcome, origin),
    park: async (members) => (await trouble()).park(members, origin),
    leaderOf: (arrival) => copies.leaderOf(arrival),
    follow: async (arrival, leader) => {
      const { follow } = await import('./unusual.js');
      const error = follow(arrival, leader);
      if (error !== undefined) await work.judge(arrival, { kind: 'rejected', error });
    },
  };
  const inLanes = arrivals.filter((arrival) => !riders.has(arrival) && !arrival.isSettled);
  const lanes = [...Map.groupBy(inLanes, ({ delivery }) => delivery.lane)].map(
    ([name, members]) => new Lane<BodyOf<Schema>, D, Unit>(name, members),
  );
  for (const lane of lanes) if (origin.standsStill(lane.waiting)) await lane.park(work);
  const open = () => lanes.filter((lane) => lane.isOpen);
  const gathering = new Gathering((lane: Lane<BodyOf<Schema>, D, Unit>) => lane.gather(work));
  while (open().length > 0) {
    const ready = await gathering.next(open());
    const round = [...ready.keys()];
    const units = [...ready.values()].flat();
    const { outcomes, failedParked = [] } =
      units.length === 0
        ? { outcomes: new Map() }
        : await options.pace.measure(() => way.commit(units, options.limits(), isAlone(arrivals)));
    await Promise.all(round.map((lane) => lane.settle(outcomes, work)));
    await judgeParked(failedParked, arrivals, options);
    // Whoever waited may go on now that somebody else is through, or soon is.
    if (gathering.isUnderWay || !round.every((lane) => lane.isIdle)) continue;
    if (open().length > 0 && !(await (await trouble()).startSuspects(open(), work, read))) break;
  }
  for (const [rider, leader] of riders) await work.follow(rider, leader);
}

/** Whether a suspect runs now that must not be blamed for what somebody else does (R46). */
function isAlone(arrivals: readonly Arrival<unknown>[]): boolean {
  return arrivals.some(({ company, isSettled }) => company === 1 && !isSettled);
}

/** Runs a handler within the time that is left. */
async function prepare<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared>(
  recognised: Recognised<BodyOf<Schema>>,
  turn: { readonly lane: string; readonly ahead: boolean },
  { way, pace, limits }: RunOptions<Schema, D, Unit>,
): Promise<Unit> {
  return pace.measure(async () => {
    const prepared = way.prepare(recognised, { ...turn, limits });
    return prepared instanceof Promise ? withinTime(prepared, limits().signal) : prepared;
  });
}

async function withinTime<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return unlessAborted(work, signal, async () => (await import('./unusual.js')).outOfTime());
}

async function judgeParked<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared>(
  failed: readonly FailedParked[],
  arrivals: readonly Arrival<BodyOf<Schema>, D>[],
  { trouble }: RunOptions<Schema, D, Unit>,
): Promise<void> {
  const [carrier] = arrivals;
  if (failed.length === 0 || carrier === undefined) return;
  await (await trouble()).judgeParked(failed, carrier.delivery);
}
