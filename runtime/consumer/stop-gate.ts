import { Waiting } from '../dedup/errors.js';
import type { GroupStore } from '../dedup/failure-store.js';
import type { Limits } from '../dedup/limits.js';
import { steadyNow } from '../dedup/steady-now.js';

/** For how long nobody asks again after it has heard that no group may stand still. */
const noIsKeptMs = 4 * 60_000;
/**
 * After so long nobody goes by a no from before any more: it was kept, an invocation went on for the 15 minutes that
 * it may take, and clocks differ a little.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const noIsForgottenMs = noIsKeptMs + 16 * 60_000;
const immediately = { state: 'open' as const, from: 0 };

/** A message is given up, and its group may not be stopped yet. It comes again then, and holds its group. */
export class StopPostponed extends Waiting {
  override name = 'StopPostponed';
  override readonly isWithoutData = true;
  /** @param cause why it is given up */
  constructor(retryAt: number, cause: unknown) {
    const until = new Date(retryAt).toISOString();
    super(
      `its group is not stopped before ${until}: the consumer had \`skip\` before, and instances of that deployment may be at work`,
      retryAt,
      { cause },
    );
  }
}

/**
 * What an instance knows of the gate of its consumer: whether groups may stand still, and since when they may be
 * stopped. So that a deployment from `stop` to `skip`, or back, overtakes nothing that is parked (R50), while
 * instances of both are at work; and so that a consumer that never stops a group reads no groups.
 *
 * Guarantees: from when {@link stopsFrom} says on, whoever runs a batch has been told by {@link mayStandStill} that
 * groups may stand still. Not where a batch takes longer than 15 minutes, or clocks differ by more than one.
 */
export class StopGate {
  #stopsFrom: number | undefined;
  /** What was heard, and until when it is kept, by `steadyNow`. */
  #heard = { mayStandStill: false, until: -Infinity };

  readonly #groups: GroupStore | undefined;

  /** @param groups undefined without a store: then nothing stands still. */
  constructor(groups: GroupStore | undefined) {
    this.#groups = groups;
  }

  /**
   * From when on this instance may stop groups, in epoch milliseconds: at once, unless somebody has heard before that
   * there are none. Undefined while it is not known; then what could stop is not run.
   */
  async stopsFrom(limits: Limits): Promise<number | undefined> {
    try {
      return (this.#stopsFrom ??= await this.#open(limits));
    } catch {
      return undefined;
    }
  }

  /**
   * Whether groups may stand still although failures do not stop any. A yes is for ever; a no is left behind in the
   * gate, where who wants to stop groups finds it.
   */
  async mayStandStill(limits: Limits): Promise<boolean> {
    const asked = steadyNow();
    if (asked < this.#heard.until) return this.#heard.mayStandStill;
    try {
      const mayStandStill = this.#groups !== undefined && (await this.#hasOpened(this.#groups, limits));
      this.#heard = { mayStandStill, until: mayStandStill ? Infinity : asked + noIsKeptMs };
      return mayStandStill;
    } catch {
      // Then the groups themselves are asked, and the next batch asks this again. A throw would be a delivery without
      // a word for each.
      return true;
    }
  }

  async #open(limits: Limits): Promise<number> {
    const groups = this.#groups;
    if (groups === undefined) return 0;
    for (;;) {
      const seen = await groups.readGate(limits);
      switch (seen?.state) {
        case undefined:
          // Nobody has asked before, so nobody goes by a no.
          if (await groups.writeGate(immediately, 'if-none', limits)) return immediately.from;
          break;
        case 'asked':
          await groups.writeGate({ state: 'opening' }, 'over', limits);
          break;
        case 'opening': {
          // Counted from when it is known that nobody hears a no any more, however late this write takes effect.
          const from = Date.now() + noIsForgottenMs;
          await groups.writeGate({ state: 'open', from }, 'over', limits);
          return from;
        }
        case 'open':
          return seen.from;
      }
    }
  }

  async #hasOpened(groups: GroupStore, limits: Limits): Promise<boolean> {
    const seen = await groups.readGate(limits);
    if (seen !== undefined) return seen.state !== 'asked';
    if (await groups.writeGate({ state: 'asked' }, 'if-none', limits)) return false;
    return (await groups.readGate(limits))?.state !== 'asked';
  }
}
