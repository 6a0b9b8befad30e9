import type { Backlog } from './backlog.js';
import type { EndpointRun } from './health.js';
import type { Slots } from './slots.js';
import type { DueRow } from './store/webhook-store.js';

/** What may begin now, with what gives its slot back. */
export interface Picked {
  readonly row: DueRow;
  readonly run: EndpointRun | undefined;
  readonly free: () => void;
}

export interface Turns {
  readonly backlog: Backlog;
  readonly slots: Slots;
  readonly nowMs: number;
  /** Undefined where an endpoint is not registered any more. */
  readonly runOf: (endpoint: string) => EndpointRun | undefined;
  /** Asked last: whoever may begin has to. */
  readonly mayBegin: (run: EndpointRun) => boolean;
}

/**
 * Takes out of the backlog what may begin, endpoints in turn: who was taken last is asked last the next time.
 *
 * @returns what is to begin, and whether something waits for a slot.
 */
export function takeTurns({ backlog, slots, nowMs, runOf, mayBegin }: Turns): {
  readonly picked: readonly Picked[];
  readonly starved: boolean;
} {
  const picked: Picked[] = [];
  const room = slots.room(nowMs);
  let starved = false;
  for (let some = true; some;) {
    some = false;
    for (const name of backlog.endpoints) {
      const run = runOf(name);
      const standing = run?.standing(nowMs) ?? 'answering';
      if (!room.has(standing)) {
        starved = true;
        continue;
      }
      // What is meant for one that is gone or disabled is only put aside.
      if (run?.disabled === undefined && run !== undefined && !mayBegin(run)) continue;
      const row = backlog.take(name);
      if (row === undefined) continue;
      some = true;
      room.take(standing);
      if (run !== undefined) run.inFlight += 1;
      picked.push({ row, run, free: slots.hold(run) });
    }
  }
  return { picked, starved };
}
