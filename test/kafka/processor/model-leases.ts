import type { Lease, LeaseDraft, LeaseRow, LeaseStore } from '../../../runtime/dedup/lease-store.js';

/** Rows of leases in memory, as far as slots need them. */
export class ModelLeases implements Pick<LeaseStore, 'now' | 'read' | 'claim' | 'renew' | 'free'> {
  readonly now = Date.now;
  /** Ids whose renewals are refused, as if their owner were cut off. */
  readonly refused = new Set<string>();
  readonly #rows = new Map<string, LeaseRow>();

  read(id: string): Promise<LeaseRow | undefined> {
    return Promise.resolve(this.#rows.get(id));
  }

  claim(draft: LeaseDraft, over?: { readonly row: LeaseRow }): Promise<Lease | LeaseRow> {
    const row = this.#rows.get(draft.id);
    if (row !== over?.row && row !== undefined) return Promise.resolve(row);
    return Promise.resolve(this.#write(draft.id, `${Math.random()}`, draft.durationMs));
  }

  renew(lease: Lease, durationMs: number): Promise<Lease | undefined> {
    const isOwn = this.#rows.get(lease.id)?.fence === lease.fence && !this.refused.has(lease.id);
    return Promise.resolve(isOwn ? this.#write(lease.id, lease.fence, durationMs) : undefined);
  }

  free(lease: Lease): Promise<boolean> {
    const row = this.#rows.get(lease.id);
    if (row?.fence !== lease.fence) return Promise.resolve(false);
    this.#rows.set(lease.id, { ...row, status: 'FREE' });
    return Promise.resolve(true);
  }

  #write(id: string, fence: string, durationMs: number): Lease {
    const endsAt = Date.now() + durationMs;
    this.#rows.set(id, { id, fence, endsAt, status: 'INPROGRESS' } as LeaseRow);
    return { id, fence, endsAt, sentAt: performance.now(), args: undefined, inDoubt: false };
  }
}
