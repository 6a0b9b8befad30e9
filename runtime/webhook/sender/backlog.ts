import { endpointOf, type RowKey } from './rows.js';
import type { DueRow } from './store/webhook-store.js';

/** How much of what is due is kept in mind. */
const most = { rows: 5_000, ofOne: 500 };

export const rowName = ({ pk, sk }: RowKey): string => `${pk}\n${sk}`;

/** Tenant and id of an endpoint as one name. */
export const endpointName = (key: RowKey): string => {
  const { tenant, endpointId } = endpointOf(key);
  return `${tenant}#${endpointId}`;
};

/**
 * What of a shard is due and not begun, by endpoint: a long queue of one does not hide those of others. Bounded; what
 * finds no room is in the index, and is looked for again.
 */
export class Backlog {
  readonly #queues = new Map<string, DueRow[]>();
  /** What is here or under way, or could not be settled: the index may show it again. */
  readonly #known = new Set<string>();
  #rows = 0;
  /** Endpoints of which something found no room. */
  readonly #full = new Set<string>();

  /** @returns false when no more is to be looked for. */
  add(row: DueRow): boolean {
    const name = rowName(row);
    if (this.#known.has(name)) return true;
    const endpoint = endpointName(row);
    if (this.#rows >= most.rows) {
      this.#full.add(endpoint);
      return false;
    }
    const queue = this.#queues.get(endpoint) ?? [];
    if (queue.length >= most.ofOne) {
      this.#full.add(endpoint);
      return true;
    }
    this.#queues.set(endpoint, queue);
    queue.push(row);
    this.#known.add(name);
    this.#rows += 1;
    return true;
  }

  /** Endpoints that something is due for, in turn: whose was taken last comes last. */
  get endpoints(): readonly string[] {
    return [...this.#queues.keys()];
  }

  /** Whether what found no room is worth looking for again. */
  get hasRoomAgain(): boolean {
    if (this.#rows >= most.rows / 2) return false;
    return [...this.#full].some((name) => (this.#queues.get(name)?.length ?? 0) < most.ofOne / 2);
  }

  forgetOverflow(): void {
    this.#full.clear();
  }

  take(endpoint: string): DueRow | undefined {
    const queue = this.#queues.get(endpoint);
    const row = queue?.shift();
    if (queue === undefined || row === undefined) return undefined;
    this.#rows -= 1;
    this.#queues.delete(endpoint);
    if (queue.length > 0) this.#queues.set(endpoint, queue);
    return row;
  }

  /** Lets all that is due for an endpoint rest: the next run finds it in the index. */
  leave(endpoint: string): void {
    this.#rows -= this.#queues.get(endpoint)?.length ?? 0;
    this.#queues.delete(endpoint);
  }

  /** It is settled: when it is due again it is a new one. */
  forget(row: RowKey): void {
    this.#known.delete(rowName(row));
  }
}
