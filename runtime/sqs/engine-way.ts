import type { Recognised } from '../consumer/arrival.js';
import type { Way, WayOutcome } from '../consumer/way.js';
import { DependencyFailed } from '../dedup/errors.js';
import { Meter } from '../dedup/meter.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Prepared, Way as StoreWay } from '../dedup/way.js';

/** A way of a store as the engine takes it. */
export function engineWay<Body, Unit extends Prepared>(
  way: StoreWay<Recognised<Body>, Unit>,
): Way<Body, Unit> {
  const prepared = new Meter();
  return {
    prepare: (recognised, lane, remainingMs) =>
      way.prepare(recognised, {
        lane,
        ahead: false,
        limits: () => ({ deadline: Date.now() + remainingMs(), meter: prepared }),
      }),
    async commit(units, limits) {
      const { outcomes } = await way.commit(units, limits);
      limits.meter.absorb(prepared);
      return new Map([...outcomes].map(([unit, outcome]) => [unit, outcomeOf(outcome)]));
    },
    async recall(recognised, meter) {
      const found = await way.recall?.(recognised, { deadline: Infinity, meter }, false);
      return new Set(recognised.filter((one) => found?.get(one)?.kind === 'duplicate'));
    },
  };
}

function outcomeOf(outcome: Outcome): WayOutcome {
  switch (outcome.kind) {
    case 'rejected':
      return outcome;
    case 'retry':
      return { kind: 'failed', error: outcome.error ?? new DependencyFailed('no time was left') };
    case 'stale':
    case 'ignored':
      return { kind: 'processed' };
    default:
      return { kind: outcome.kind };
  }
}
