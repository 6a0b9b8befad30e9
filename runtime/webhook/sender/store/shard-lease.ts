import { randomUUID } from 'node:crypto';
import { shardFree, shardMine, shardQuiet, webhookRowThere } from '../../../dynamodb/webhook-conditions.js';
import { shardKey } from '../rows.js';
import type { WebhookStore } from './webhook-store.js';

export interface LeaseTimes {
  /** How long a lease lasts, in milliseconds. */
  readonly leaseMs: number;
  /** How far the clocks of two workers may be apart, in milliseconds (R28). */
  readonly maxClockSkewMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * The right to send for a shard: at most one worker has it at a time, as far as their clocks agree. So the caps and
 * the order of its endpoints are kept in one process. That nothing is lost or settled twice does not hang on it.
 */
export class ShardLease {
  #until: number;
  #poke: number;
  readonly #store: WebhookStore;
  readonly #shard: number;
  readonly #owner: string;
  readonly #times: LeaseTimes;

  private constructor(store: WebhookStore, shard: number, owner: string, times: LeaseTimes, poke: number) {
    this.#store = store;
    this.#shard = shard;
    this.#owner = owner;
    this.#times = times;
    this.#until = times.now() + times.leaseMs;
    this.#poke = poke;
  }

  /** @returns undefined when another worker has it, who is then asked to look once more before it ends. */
  static async take(store: WebhookStore, shard: number, times: LeaseTimes): Promise<ShardLease | undefined> {
    const key = shardKey(shard);
    const owner = randomUUID();
    const now = times.now();
    const taken = await store.update(
      key,
      { set: { v: 1, owner, until: now + times.leaseMs }, add: { poke: 1 } },
      shardFree(now - times.maxClockSkewMs),
    );
    const row = await store.readOne(key);
    // By its token and not by the answer: a lost answer makes the SDK send it again, against our own row (R12).
    if (!taken && row?.owner !== owner) {
      await store.update(key, { add: { poke: 1 } }, webhookRowThere());
      return undefined;
    }
    return new ShardLease(store, shard, owner, times, Number(row?.poke ?? 0));
  }

  /** Whether it lasts for so long yet. */
  lasts(ms: number): boolean {
    return this.#times.now() + ms < this.#until;
  }

  /** Lengthens it when a third of it is over. @returns false when it is lost. */
  async renew(): Promise<boolean> {
    const { leaseMs, now } = this.#times;
    if (this.lasts((leaseMs * 2) / 3)) return true;
    const until = now() + leaseMs;
    const held = await this.#store.update(shardKey(this.#shard), { set: { until } }, shardMine(this.#owner));
    if (held) this.#until = until;
    return held;
  }

  /**
   * Gives it back.
   *
   * @param whenQuiet only if nobody has asked meanwhile to look again
   * @returns false when somebody has: what he saw has to be looked for once more.
   */
  async release(whenQuiet: boolean): Promise<boolean> {
    const key = shardKey(this.#shard);
    const free = { remove: ['until', 'owner'] };
    if (!whenQuiet) {
      await this.#store.update(key, free, shardMine(this.#owner));
      return true;
    }
    if (await this.#store.update(key, free, shardQuiet(this.#owner, this.#poke))) return true;
    const row = await this.#store.readOne(key);
    this.#poke = Number(row?.poke ?? 0);
    // Lost meanwhile: whoever has it looks by itself.
    return row?.owner !== this.#owner;
  }
}
