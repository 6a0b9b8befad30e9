import type { Aggregate, AggregateEvent, Folded, FoldOptions } from './folded.js';
import { Folding } from './folding.js';

export { deepFreeze } from './deep-freeze.js';
export { TooEarly } from './errors.js';
export {
  rowKey,
  type Aggregate,
  type AggregateEvent,
  type Folded,
  type FoldOptions,
  type KnownRows,
  type PassOver,
  type Reducer,
  type Stuck,
} from './folded.js';
export { parkingBytes, parkingWindow } from './stream.js';
export { holdCarriers, outcomeRecalled } from './turn.js';

/**
 * Applies events to an aggregate, in memory: the next version acts, an earlier one is a duplicate unless it is a
 * hole, a later one is parked until the gap closes. A reducer that throws leaves nothing behind.
 *
 * @param closed lanes of which nothing more may act; those that an event closes are added.
 */
export function fold<State, Event extends AggregateEvent>(
  before: Aggregate<State>,
  events: readonly Event[],
  options: FoldOptions<State, Event>,
  closed = new Set<string>(),
): Folded<State, Event> {
  const folding = new Folding(before, options);
  if (options.passOver !== undefined) folding.passOver(options.passOver);
  for (const id of options.drains ?? []) if (!folding.wants) folding.drain(id);
  let reached = 0;
  for (const event of events) {
    if (folding.wants || (folding.isFull && folding.hasApplied)) break;
    reached += 1;
    if (closed.has(event.lane)) continue;
    const { kind } = folding.take(event);
    if (kind === 'retry' || kind === 'rejected') closed.add(event.lane);
  }
  folding.listGaps(events);
  return folding.folded(reached);
}
