import type { Arrival } from './arrival.js';
import type { Lane, LaneWork } from './lane.js';
import type { WayOutcome } from './way.js';

/** What a batch does for all its lanes together. */
export interface RoundsWork<Body, Prepared> extends LaneWork<Body, Prepared> {
  commit(prepared: readonly Prepared[]): Promise<ReadonlyMap<Prepared, WayOutcome>>;
  /** Lets a crash suspect run in the next round. Never throws. */
  admit(suspect: Arrival<Body>): Promise<void>;
}

/** Handles and commits the messages of all lanes round by round, crash suspects last and each alone (R20). */
export async function runLanes<Body, Prepared>(
  lanes: readonly Lane<Body, Prepared>[],
  work: RoundsWork<Body, Prepared>,
): Promise<void> {
  const stillOpen = () => lanes.filter((lane) => lane.open);
  for (let open = stillOpen(); open.length > 0; open = stillOpen()) {
    const units = (await Promise.all(open.map((lane) => lane.gather(work)))).flat();
    const outcomes = units.length === 0 ? new Map<Prepared, WayOutcome>() : await work.commit(units);
    await Promise.all(open.map((lane) => lane.settle(outcomes, work)));
    if (!stillOpen().every((lane) => lane.idle)) continue;
    // Whoever has been started alone and never came back goes last: until it is given up it kills nobody but itself.
    const [next] = stillOpen()
      .flatMap(({ suspect }) => suspect ?? [])
      .sort((a, b) => a.history.alone - b.history.alone);
    if (next !== undefined) await work.admit(next);
  }
}
