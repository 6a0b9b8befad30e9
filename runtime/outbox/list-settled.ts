import { errorText } from '../dedup/errors.js';
import type { OutboxAccess } from './outbox-access.js';
import type { Settled } from './settle.js';
import { changeStuck, everyOther, listStuck, nextFor, type StuckStream } from './stuck-streams.js';

/** Positions as an entry has them: those that lag behind by name, all others together. */
export function positionsOf(next: ReadonlyMap<string, bigint>): Map<string, bigint> {
  const most = [...next.values()].reduce((highest, one) => (one > highest ? one : highest));
  return new Map<string, bigint>([[everyOther, most], ...[...next].filter(([, version]) => version < most)]);
}

/** Why a stream is stuck, by target, without payload. */
export function reasonOf(failures: ReadonlyMap<string, unknown>): string {
  return [...failures].map(([target, error]) => `${target}: ${errorText(error)}`).join('; ');
}

/**
 * The positions of an entry after somebody has sent: raised where nobody else has moved them since they were read,
 * and as they are where somebody has. One that was lowered meanwhile stays low, and all of them stay when somebody
 * has asked meanwhile to have the stream sent again: what was sent before that is not what was asked for.
 *
 * @param seen the entry as it was read
 */
export function advanced(
  entry: StuckStream,
  seen: StuckStream,
  stood: ReadonlyMap<string, bigint>,
  next: ReadonlyMap<string, bigint>,
): Map<string, bigint> {
  if (entry.salt !== seen.salt) return new Map(entry.next);
  const others = entry.next.get(everyOther) ?? 1n;
  const positions = new Map([...entry.next].filter(([name]) => name !== everyOther));
  for (const [target, version] of next) {
    const now = nextFor(entry, target);
    positions.set(target, now === stood.get(target) && version > now ? version : now);
  }
  const compact = positionsOf(positions);
  // A target that is deployed later begins where the ones that were not named stood, or further on.
  const highest = compact.get(everyOther) ?? others;
  return compact.set(everyOther, highest > others ? highest : others);
}

/** A stream of a batch of the table's stream, whose events were sent as far as they could be. */
export interface ToSettle {
  readonly stream: string;
  readonly entry: StuckStream | undefined;
  readonly stood: ReadonlyMap<string, bigint>;
  readonly settled: Settled;
  /** Commit of its oldest event in hand, epoch milliseconds. */
  readonly at: number;
  /** Last version in hand. */
  readonly last: bigint;
  /** Why it cannot go on, beside what targets say: a row that is not readable. */
  readonly obstacle?: string;
}

/**
 * Lists a stream that is stuck, or tells its entry how far it got. An entry is written also where nothing has
 * changed: who is about to take it off the list sees that an event was left to it.
 */
export async function listSettled(
  access: OutboxAccess,
  { stream, entry, stood, settled, at, last, obstacle }: ToSettle,
): Promise<void> {
  const { next, failures } = settled;
  const reason = [obstacle, reasonOf(failures)].filter(Boolean).join('; ');
  const listing = { stream, at, next: positionsOf(next), reason: reason || (entry?.reason ?? '') };
  if (entry === undefined) {
    await listStuck(access, listing, { entry });
    return;
  }
  const left = [...next.values()].some((version) => version <= last);
  await changeStuck(
    access,
    stream,
    (now) => {
      // Whoever took it off the list had not seen these events.
      if (now === undefined)
        return { ...listing, since: Date.now(), due: Date.now(), tries: 0, salt: entry.salt };
      const moved = [...next].some(
        ([target, version]) => left && version <= last && stood.get(target) !== version,
      );
      return {
        ...now,
        at: Math.min(now.at, at),
        next: advanced(now, entry, stood, next),
        reason: reason || now.reason,
        // A target that had been well a moment ago has not been tried by the sweep.
        due: moved || failures.size > 0 ? Math.min(now.due, Date.now()) : now.due,
      };
    },
    { entry },
  );
}
