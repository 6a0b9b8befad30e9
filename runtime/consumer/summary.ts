import type { Meter } from '../dedup/meter.js';
import type { DeadLetterKind, Outcome } from '../dedup/outcome.js';
import type { BatchSummary } from '../telemetry/batch-summary.js';
import type { Arrival } from './arrival.js';
import type { Delivery } from './transport.js';

/** What a batch counts as it goes. */
export type Tally = Pick<BatchSummary, 'stopped'> & { dead: Record<DeadLetterKind, number>; stopped: number };

export function newTally(): Tally {
  return { dead: { rejected: 0, failed: 0, died: 0, parked: 0 }, stopped: 0 };
}

/** What a batch came to. @param back those that come again */
export async function summarise<Body, D extends Delivery>(
  consumer: string,
  arrivals: readonly Arrival<Body, D>[],
  back: readonly Arrival<Body, D>[],
  { writeUnits, readUnits, calls, conflicts, receiptAges }: Meter,
): Promise<Omit<BatchSummary, 'dead' | 'stopped'>> {
  const count = (kind: Outcome['kind']) => arrivals.filter(({ outcome }) => outcome?.kind === kind).length;
  const went = arrivals.filter(({ outcome }) => outcome?.kind === 'retry' || outcome?.kind === 'rejected');
  const unusual = went.length + back.length > 0 ? await import('./unusual.js') : undefined;
  return {
    consumer,
    processed: count('processed'),
    duplicate: count('duplicate'),
    parked: count('parked'),
    ignored: count('ignored'),
    rejected: count('rejected'),
    retry: back.length,
    excused: back.filter(({ isCounted }) => !isCounted).length,
    writeUnits,
    readUnits,
    calls,
    conflicts,
    receiptAges,
    oldestSeconds: unusual?.oldestSeconds(back.map(({ delivery }) => delivery)) ?? 0,
    problems: went.flatMap((one) => unusual?.problemOf(one) ?? []),
  };
}
