import { unlessAborted } from '../dedup/unless-aborted.js';
import { TargetTimedOut } from './errors.js';
import type { SendTarget } from './target.js';

/** What one call came to. */
export interface CallAnswer<E> {
  readonly refused: ReadonlyMap<E, unknown>;
  /** The call failed as a whole: nothing was accepted, or nobody knows. */
  readonly failure?: { readonly error: unknown };
}

/**
 * Sends one call and waits for it no longer than it may take: a target that does not heed the signal is not waited
 * for either.
 */
export async function sendCall<E>(
  target: SendTarget<E>,
  events: readonly E[],
  mostMs: number,
): Promise<CallAnswer<E>> {
  const over = new AbortController();
  const late = new TargetTimedOut(target.name, mostMs);
  const timer = setTimeout(() => over.abort(late), mostMs);
  try {
    const sending = Promise.resolve(target.send(events, { signal: over.signal }));
    return { refused: await unlessAborted(sending, over.signal, () => late) };
  } catch (error) {
    return { refused: new Map(), failure: { error: over.signal.aborted ? late : error } };
  } finally {
    clearTimeout(timer);
  }
}
