/**
 * How long those that are ready wait for the others, in milliseconds: long enough that handlers which read share one
 * commit, short enough that a read which hangs costs its neighbours nothing that anybody would see.
 */
const patienceMs = 250;

/**
 * Lanes whose messages are being prepared, each in its own time. What is ready is committed, while a lane that is
 * slow, because its handler waits for somebody, goes on: it is in a later round.
 */
export class Gathering<Lane extends { readonly isIdle: boolean }, Unit> {
  readonly #underWay = new Map<Lane, Promise<void>>();
  #ready = new Map<Lane, readonly Unit[]>();
  readonly #gather: (lane: Lane) => Promise<readonly Unit[]>;

  /** @param gather prepares what a lane can have committed next. */
  constructor(gather: (lane: Lane) => Promise<readonly Unit[]>) {
    this.#gather = gather;
  }

  /** Some lanes are not through yet: they gather, or `next` will tell what they have gathered. */
  get isUnderWay(): boolean {
    return this.#underWay.size > 0 || this.#ready.size > 0;
  }

  /**
   * Has these lanes gather, but for those that do, or have since the last call: what they have is told now, for a
   * message that were prepared once more meanwhile would meet its own commit. @returns what is ready: of all, if that
   * does not take long, else of those that are through, one at the least.
   */
  async next(lanes: readonly Lane[]): Promise<ReadonlyMap<Lane, readonly Unit[]>> {
    const fresh = lanes.filter(
      (lane) => !this.#underWay.has(lane) && (lane.isIdle || !this.#ready.has(lane)),
    );
    const begun = fresh.map((lane) => ({ lane, work: this.#start(lane) }));
    for (const { lane, work } of begun) this.#underWay.set(lane, work);
    // Nobody waits for those that are late already, unless there is nothing else to do.
    await within(patienceMs, Promise.all(begun.map(({ work }) => work)));
    if (this.#underWay.size > 0 && [...this.#ready.keys()].every(({ isIdle }) => isIdle))
      await Promise.race(this.#underWay.values());
    const ready = this.#ready;
    this.#ready = new Map();
    return ready;
  }

  async #start(lane: Lane): Promise<void> {
    // What an idle lane had is over: it must not be told once more while the lane gathers what comes next.
    this.#ready.delete(lane);
    const units = await this.#gather(lane);
    this.#underWay.delete(lane);
    this.#ready.set(lane, units);
  }
}

/** Until the work is done, or the time is over. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
