import { rowId, type OutboxRow } from './row.js';
import type { RelayTarget } from './targets/target.js';

const most = 20_000;

/**
 * What this instance knows to have been accepted. A batch that failed in part comes again from its first failure on,
 * with rows that had been accepted: they need not be sent twice. Nothing rests on it; another instance sends them
 * again.
 */
export class AcceptedRows {
  readonly #ids = new Set<string>();

  has(target: RelayTarget, row: OutboxRow): boolean {
    return this.#ids.has(idOf(target, row));
  }

  add(target: RelayTarget, row: OutboxRow): void {
    this.#ids.add(idOf(target, row));
    if (this.#ids.size <= most) return;
    const [oldest] = this.#ids;
    if (oldest !== undefined) this.#ids.delete(oldest);
  }
}

function idOf({ name }: RelayTarget, row: OutboxRow): string {
  return `${name}\n${rowId(row)}`;
}
