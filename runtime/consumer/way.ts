import type { CommitLimits } from '../dedup/dynamo-store.js';
import type { Meter } from '../dedup/meter.js';
import type { Recognised } from './arrival.js';

/** What a way of committing says of one message. `held`: not tried, because an earlier one of its lane did not get through. */
export type WayOutcome =
  | { readonly kind: 'processed' | 'duplicate' | 'parked' | 'held' }
  | { readonly kind: 'rejected' | 'failed'; readonly error: unknown };

/** One of the ways to commit a message together with its effects: transaction, insert, aggregate. */
export interface Way<Body, Prepared> {
  /** Runs the handler, or whatever makes the message ready to be committed. Throws as a handler does. */
  prepare(recognised: Recognised<Body>, lane: string): Prepared | Promise<Prepared>;
  /** Commits what was prepared, keeping the order within each lane. Never throws. What is in no entry counts as held. */
  commit(prepared: readonly Prepared[], limits: CommitLimits): Promise<ReadonlyMap<Prepared, WayOutcome>>;
  /** Those that are known to have been processed, found cheaper than by a commit. @default - none is asked for */
  recall?(recognised: readonly Recognised<Body>[], meter: Meter): Promise<ReadonlySet<Recognised<Body>>>;
}
