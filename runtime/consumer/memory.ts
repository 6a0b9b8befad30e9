import type { StandardSchemaV1 } from '@standard-schema/spec';
import { GivenUp } from '../dedup/errors.js';
import type { FailureStore } from '../dedup/failure-store.js';
import type { Limits } from '../dedup/limits.js';
import type { Prepared } from '../dedup/way.js';
import { excused, type Arrival } from './arrival.js';
import type { BatchOptions } from './batch-options.js';
import { Failures } from './failures.js';
import { placeOf, StoppedGroups, type GiveUpOptions } from './give-up.js';
import type { Judge } from './judge.js';
import { defaultMaxFailures } from './settings.js';
import { StopGate } from './stop-gate.js';
import type { Delivery } from './transport.js';
import { Trouble } from './trouble.js';

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** What a consumer knows of failures between its batches. */
export class Memory {
  readonly failures: Failures;
  readonly gate: StopGate;

  constructor(readonly store: FailureStore | undefined) {
    this.failures = new Failures(store);
    this.gate = new StopGate(store?.groups);
  }

  static async of(load: (() => Promise<FailureStore>) | undefined): Promise<Memory> {
    return new Memory(await load?.());
  }
}

/** What a batch needs once a message meets trouble. */
export function loadTrouble<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared>(
  { store, failures }: Memory,
  batch: BatchOptions<Schema, D, Unit>,
  { onFailure, stops, tally }: Pick<GiveUpOptions<unknown, D>, 'onFailure' | 'tally'> & { stops: boolean },
) {
  const { consumerName, maxFailures = defaultMaxFailures } = batch.settings;
  const limits = batch.lastLimits;
  const options = { ...batch, store, failures, consumerName, onFailure, tally, maxFailures };
  const groupOf = batch.transport.stopsGroups ? placeOf : () => undefined;
  const origin = new StoppedGroups<BodyOf<Schema>, D>({ ...options, limits }, stops, groupOf);
  return { trouble: new Trouble<Schema, D, Unit>(options), origin };
}

/**
 * Reads what is known of messages that were delivered before, and which of their groups stand still. Settles those
 * that were parked or given up then.
 */
export async function recall<Body, D extends Delivery>(
  memory: Memory,
  arrivals: readonly Arrival<Body, D>[],
  origin: Pick<StoppedGroups<Body, D>, 'know' | 'stops' | 'streamsOf'>,
  limits: Limits,
): Promise<void> {
  const { store, failures, gate } = memory;
  const streams = store === undefined ? [] : origin.streamsOf(arrivals);
  const [{ groups, unread }, stopsFrom] = await Promise.all([
    failures.recall(arrivals, streams, limits),
    streams.length === 0 || !origin.stops ? 0 : gate.stopsFrom(limits),
  ]);
  // What may not be stopped is not run either.
  origin.know(groups, stopsFrom === undefined ? new Set([...unread, ...streams]) : unread, stopsFrom);
  // Only the acknowledgement of these was lost. They decide about no copy: one that was redriven is to act.
  for (const arrival of arrivals) {
    const { parked, gaveUp } = arrival.history;
    if (parked) arrival.settle({ kind: 'parked' });
    else if (gaveUp !== undefined) arrival.settle({ kind: 'rejected', error: new GivenUp(gaveUp) });
  }
}

/** Does what nudges ask for. Behind a message that ran alone, as what may kill the process, nothing else runs. */
export async function obeyAll<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared>(
  { arrivals, pace, remainingMs }: BatchOptions<Schema, D, Unit>,
  trouble: Judge<BodyOf<Schema>, D, Unit>,
): Promise<void> {
  for (const arrival of arrivals) {
    const { nudge } = arrival.delivery;
    if (nudge === undefined || arrival.isSettled) continue;
    const free = !arrivals.some(({ company }) => company === 1) && pace.mayStart(remainingMs());
    if (free) await trouble.obey(arrival, nudge);
    else arrival.settle(excused);
  }
}
