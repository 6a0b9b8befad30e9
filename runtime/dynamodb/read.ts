import type { Seen } from './commit-conditions.js';
import type { ItemAddress } from './table.js';

/** What `get` has returned of one item. */
export interface Read {
  readonly address: ItemAddress;
  readonly seen: Seen;
}
