import type { InstanceMemory } from './instance-memory.js';
import type { OutboxRow } from './event-row.js';
import { TargetLeftOut } from '../send/errors.js';
import { sendLanes, type SendClock } from '../send/send-lanes.js';
import { entriesPerCall } from '../send/target.js';
import type { TargetHealth } from '../send/target-health.js';
import { lanesOf } from './lanes.js';
import type { RelayTarget } from './targets/target.js';

/** Events of one stream, for targets of which each has a position of its own. */
export interface StreamWork {
  readonly stream: string;
  /** In the order of their versions. */
  readonly rows: readonly OutboxRow[];
  /** See `StuckStream`. */
  readonly salt?: string;
  /** The version that a target is to be sent next; undefined: it is sent nothing now. */
  readonly nextFor: (target: string) => bigint | undefined;
}

/** What became of a stream at one target. */
export interface Progress {
  /** Every wanted event below it is accepted. */
  readonly next: bigint;
  /** Why it did not get further; undefined: it did, or there was no time. */
  readonly failure?: { readonly error: unknown };
}

/** Who sends: one per instance. */
export interface Sender {
  readonly targets: readonly RelayTarget[];
  readonly health: ReadonlyMap<string, TargetHealth>;
  readonly memory: InstanceMemory;
}

/**
 * Sends events to every target that wants their types, each target for itself: none waits for another one's answer.
 * A stream stops at a target at its first event that is not accepted: later ones would overtake it (R31).
 *
 * @returns by stream and target what was reached, for targets that were sent something
 */
export async function deliver(
  works: readonly StreamWork[],
  { targets, health, memory }: Sender,
  clock: SendClock,
): Promise<Map<string, Map<string, Progress>>> {
  const reached = new Map(works.map(({ stream }) => [stream, new Map<string, Progress>()]));
  const begun = Date.now();
  let through = 0;
  await Promise.all(
    targets.map(async (target) => {
      const healthy = health.get(target.name);
      const due = works.flatMap(({ stream, rows, salt, nextFor }) => {
        const next = nextFor(target.name);
        if (next === undefined) return [];
        const wanted = rows.filter(
          ({ version, type }) => version >= next && (target.types?.includes(type) ?? true),
        );
        return [{ stream, rows, next, wanted: { stream, rows: wanted, salt } }];
      });
      const lanes = due.map(({ wanted }) => wanted).filter(({ rows }) => rows.length > 0);
      const out = healthy?.leftOutFor;
      const refused =
        out === undefined
          ? await sendLanes(lanesOf(lanes, target.types, target.call?.events ?? entriesPerCall), target, {
              clock,
              health: healthy,
              // The others are through: this one may take its share of the run, and no more.
              isSlow: () => through > 0 && Date.now() - begun > clock.givenMs / 3,
            })
          : new Map(
              lanes.map(({ stream, rows }) => [
                stream,
                { version: rows[0]?.version ?? 0n, error: new TargetLeftOut(target.name, out) },
              ]),
            );
      through += 1;
      for (const { stream, rows, next } of due) {
        const stop = refused.get(stream);
        const end = (rows.at(-1)?.version ?? 0n) + 1n;
        const got = stop?.version ?? (end > next ? end : next);
        memory.markAccepted(target.name, stream, got - 1n);
        reached.get(stream)?.set(target.name, {
          next: got,
          ...(stop?.error === undefined ? {} : { failure: { error: stop.error } }),
        });
      }
    }),
  );
  return reached;
}
