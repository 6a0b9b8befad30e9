import { DependencyFailed } from '../dedup/errors.js';
import { timerMs } from '../dedup/timer-ms.js';
import { unlessAborted } from '../dedup/unless-aborted.js';
import { NoRelatedObject } from './errors.js';

/** What a thin event is about: it carries no state. */
export interface RelatedObject {
  readonly id: string;
  /** In the sender's words, such as `billing.meter`. */
  readonly type: string;
  /** Path of the object at the sender. Put it behind the sender's own address: it says nothing of a host. */
  readonly url?: string;
}

/**
 * Reads what a thin event is about as it is now, for the consumer behind the queue: no sender has to wait for it, and
 * what an earlier event has brought late is not older than what is read.
 *
 * Guaranteed: a sender that does not answer, or not in time, is no fault of the message, which comes again and is
 * not counted.
 * Not guaranteed: that nobody reads later and commits earlier. Two events of one object must not be worked on at
 * once: give the source an `entity`, and the queue an order (docs/webhook.md).
 *
 * @param event the sender's data, as the receiver publishes it
 * @param read asks the sender; undefined when there is no such object any more
 * @param options.timeoutSeconds for the reading. @default 5
 * @throws NoRelatedObject when it is no thin event: the message is dead-lettered.
 * @throws DependencyFailed when `read` throws.
 *
 * @see https://docs.stripe.com/event-destinations#fetch-data
 */
export async function fetchLatest<State>(
  event: unknown,
  read: (related: RelatedObject, signal: AbortSignal) => Promise<State | undefined>,
  { timeoutSeconds = 5 }: { readonly timeoutSeconds?: number } = {},
): Promise<State | undefined> {
  const related = relatedObjectOf(event);
  const signal = AbortSignal.timeout(timerMs(timeoutSeconds * 1000));
  try {
    return await unlessAborted(read(related, signal), signal, () => signal.reason as Error);
  } catch (cause) {
    throw new DependencyFailed('the sender of a thin event does not say what it is about', { cause });
  }
}

function relatedObjectOf(event: unknown): RelatedObject {
  const { related_object: related } = Object(event) as { related_object?: unknown };
  const { id, type, url } = Object(related) as { readonly [Name in keyof RelatedObject]?: unknown };
  if (typeof id !== 'string' || id === '' || typeof type !== 'string') throw new NoRelatedObject();
  return { id, type, ...(typeof url === 'string' && { url }) };
}
