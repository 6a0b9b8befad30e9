/** What is known of how an endpoint answers, the least to be relied on first. */
export type Standing =
  /** Its last attempt failed, or one has had no answer for a while: the next one may take all its time. */
  | 'suspect'
  /** Nothing was sent to it yet by this process. */
  | 'unknown'
  /** Its last attempt was taken. */
  | 'answering';

/** Part of all slots that endpoints of a standing may hold, together with those of lesser standings. */
const shares: Readonly<Record<Standing, number>> = { suspect: 1 / 2, unknown: 3 / 4, answering: 1 };
const standings = Object.keys(shares) as readonly Standing[];

/** Whoever may hold a slot. Its standing changes while it does. */
export interface SlotHolder {
  standing(nowMs: number): Standing;
}

/**
 * Attempts that a process makes at once, over all shards.
 *
 * Guaranteed: however many endpoints hang or fail, those known to do so hold at most half of the slots, and with
 * those that nothing is known of three quarters: the rest is for endpoints that answer. Not guaranteed: anything in
 * the first seconds of many that begin to hang at the same moment; each holds no more than its own cap.
 */
export class Slots {
  readonly #held = new Map<symbol, SlotHolder | undefined>();
  /** Shards in which something is due that found no slot. */
  readonly starved = new Set<number>();
  readonly #most: number;

  /** @param most attempts at once, at least one */
  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#held.size >= this.#most;
  }

  /** What is free now. For as long as nobody waits for anything: standings change. */
  room(nowMs: number): Room {
    const held: Record<Standing, number> = { suspect: 0, unknown: 0, answering: 0 };
    for (const holder of this.#held.values()) held[holder?.standing(nowMs) ?? 'answering'] += 1;
    return new Room(held, this.#most);
  }

  /** @returns what gives it back. */
  hold(holder: SlotHolder | undefined): () => void {
    const slot = Symbol('slot');
    this.#held.set(slot, holder);
    return () => this.#held.delete(slot);
  }
}

/** What of the slots is free for whom. */
class Room {
  readonly #held: Record<Standing, number>;
  readonly #most: number;

  constructor(held: Record<Standing, number>, most: number) {
    this.#held = held;
    this.#most = most;
  }

  has(standing: Standing): boolean {
    const upTo = standings.indexOf(standing);
    return standings
      .slice(upTo)
      .every((at) => this.#upTo(at) < Math.max(1, Math.floor(shares[at] * this.#most)));
  }

  take(standing: Standing): void {
    this.#held[standing] += 1;
  }

  #upTo(standing: Standing): number {
    const among = standings.slice(0, standings.indexOf(standing) + 1);
    return among.reduce((sum, one) => sum + this.#held[one], 0);
  }
}
