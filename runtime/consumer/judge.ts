import type { Outcome } from '../dedup/outcome.js';
import type { FailedParked, Prepared } from '../dedup/way.js';
import type { Arrival } from './arrival.js';
import type { GiveUpOrigin } from './give-up.js';
import type { Judged, Lane, LaneWork } from './lane.js';
import type { Delivery, Nudge } from './transport.js';

/** What is done about messages that have not gone well. Nothing of it throws. */
export interface Judge<Body, D extends Delivery, Unit extends Prepared> {
  /** The one path of everything that goes wrong with a message. Settles it. */
  judge(
    arrival: Arrival<Body, D>,
    outcome: Extract<Outcome, { error?: unknown }>,
    origin: GiveUpOrigin<Body, D>,
  ): Promise<Judged>;
  /** Judges parked events that failed when their turn came: each for itself, under a history of its own (R50). */
  judgeParked(failed: readonly FailedParked[], carrier: D): Promise<void>;
  /** Keeps messages of a stopped group. @returns how many of them, from the first. */
  park(arrivals: readonly Arrival<Body, D>[], origin: GiveUpOrigin<Body, D>): Promise<number>;
  /**
   * When every lane waits for a suspect: gives up those that have died alone, and starts the next company. All others
   * are handed back, in writing, before it runs; behind one that runs alone nothing else runs.
   *
   * @returns false when nothing is left to be started.
   */
  startSuspects(
    lanes: readonly Lane<Body, D, Unit>[],
    work: LaneWork<Body, D, Unit>,
    read: (some: readonly Arrival<Body, D>[]) => Promise<void>,
  ): Promise<boolean>;
  /** Does what an operator asks for by a nudge. Settles it. */
  obey(arrival: Arrival<Body, D>, nudge: Nudge): Promise<void>;
  /**
   * Writes down why messages come again, and that those which ran alone live; has them come when it makes sense.
   */
  handBack(arrivals: readonly Arrival<Body, D>[]): Promise<void>;
}
