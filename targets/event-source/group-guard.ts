/**
 * At most one batch per message group at a time, whatever the queue hands out.
 *
 * The queue's own lock is the visibility timeout: when it ends before the function does, SQS gives the group to the
 * next receive and AWS invokes again beside the first call. So the guard lets go then, too:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export class GroupGuard {
  readonly #held = new Map<string, Hold>();

  /**
   * Waits until none of the groups is held and takes them. Batches that wait for the same group get it in the order
   * in which they asked.
   *
   * @param until when the visibility timeout of the batch ends, in milliseconds since the epoch
   * @returns releases the groups
   */
  async take(groups: readonly string[], until: number): Promise<() => void> {
    for (;;) {
      const holds = groups.flatMap((group) => this.#held.get(group) ?? []);
      if (holds.length === 0) break;
      await Promise.all(holds.map((hold) => hold.released));
    }
    const hold = new Hold(until, () => {
      for (const group of groups) if (this.#held.get(group) === hold) this.#held.delete(group);
    });
    for (const group of groups) this.#held.set(group, hold);
    return () => hold.release();
  }
}

class Hold {
  readonly released: Promise<void>;
  #resolve: () => void = () => undefined;
  readonly #timer: NodeJS.Timeout;

  readonly #onRelease: () => void;

  constructor(until: number, onRelease: () => void) {
    this.#onRelease = onRelease;
    this.released = new Promise((resolve) => (this.#resolve = resolve));
    this.#timer = setTimeout(() => this.release(), Math.max(0, until - Date.now()));
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#onRelease();
    this.#resolve();
  }
}
