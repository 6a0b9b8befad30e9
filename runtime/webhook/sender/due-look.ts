import type { Backlog } from './backlog.js';
import { shardName } from './rows.js';
import type { Page, WebhookStore } from './store/webhook-store.js';

/** Between two looks at the index, in milliseconds. */
const lookMs = 200;
/** What appears late in the index, or was committed by a clock that is behind: so far back each look goes. */
const overlapMs = 10_000;
/** What is further back, and what found no room, is looked for so often. */
const scanMs = 30_000;

/**
 * Fills the backlog with what of a shard is due: at each look what has become so, and a page of all that is, so that
 * neither a long queue nor much that waits for an endpoint hides what is new.
 */
export class DueLook {
  /** From when on the index is looked at each time. */
  #from: number | undefined;
  #scannedAt = -Infinity;
  /** Where the look at all that is due goes on; undefined between two of them. */
  #scan: Pick<Page, 'next'> | undefined;
  #lookedAt = -Infinity;
  readonly #store: WebhookStore;
  readonly #backlog: Backlog;
  readonly #index: string;
  readonly #now: () => number;

  constructor(store: WebhookStore, backlog: Backlog, shard: number, now: () => number) {
    this.#store = store;
    this.#backlog = backlog;
    this.#index = shardName(shard);
    this.#now = now;
  }

  /** Whether there may be more that is due and was not seen yet. */
  get hasMore(): boolean {
    return this.#scan !== undefined || this.#backlog.hasRoomAgain;
  }

  /** Milliseconds until it is time to look again. */
  get nextInMs(): number {
    return Math.max(1, lookMs - (performance.now() - this.#lookedAt));
  }

  /** Looks, if it is time to. */
  async look(): Promise<void> {
    const real = performance.now();
    if (real - this.#lookedAt < lookMs) return;
    this.#lookedAt = real;
    const now = this.#now();
    if (this.#scan === undefined && (this.#backlog.hasRoomAgain || real - this.#scannedAt > scanMs)) {
      this.#scan = {};
      this.#scannedAt = real;
      this.#backlog.forgetOverflow();
    }
    if (this.#scan !== undefined) {
      const { rows, next } = await this.#store.duePage(this.#index, now, this.#scan.next);
      this.#scan = rows.every((row) => this.#backlog.add(row)) && next !== undefined ? { next } : undefined;
    }
    this.#from ??= now - overlapMs;
    let newest = this.#from;
    for await (const row of this.#store.due(this.#index, this.#from, now)) {
      if (!this.#backlog.add(row)) return;
      newest = Math.max(newest, row.dueAt - overlapMs);
    }
    this.#from = newest;
  }
}
