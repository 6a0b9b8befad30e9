import { DependencyFailed } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Prepared, Way } from '../dedup/way.js';
import type { Arrival, Recognised } from './arrival.js';
import type { Copies } from './copies.js';
import type { Delivery } from './transport.js';

/**
 * Asks about messages that were handed out before, and about redriven ones: a read costs a fraction of the refused
 * write that would tell otherwise, and the handler need not run (R11).
 */
export async function recallReceipts<Body, D extends Delivery, Unit extends Prepared>(
  arrivals: readonly Arrival<Body, D>[],
  copies: Copies<Body, D>,
  { way, limits }: { readonly way: Way<Recognised<Body>, Unit>; readonly limits: () => Limits },
): Promise<void> {
  const again = arrivals.flatMap((arrival) => {
    const { recognised } = arrival;
    return recognised !== undefined && copies.leaderOf(arrival) === undefined
      ? [{ arrival, recognised }]
      : [];
  });
  if (again.length === 0 || way.recall === undefined) return;
  try {
    const messages = again.map(({ recognised }) => recognised);
    const found = await way.recall(messages, limits(), false);
    for (const { arrival, recognised } of again) {
      const outcome = found.get(recognised);
      if (outcome?.kind === 'duplicate') arrival.settle(outcome);
    }
  } catch (error) {
    // What was not read proves nothing: the commit will tell.
    if (!(error instanceof DependencyFailed)) throw error;
  }
}
