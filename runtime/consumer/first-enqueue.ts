import type { Delivery } from './transport.js';

/**
 * Attribute of the sender: when the message was first sent, ISO 8601. A redrive gives it a new time at the transport;
 * horizons count from here (R8).
 */
export const firstEnqueueAttribute = 'ExactlyOnceFirstEnqueue';

/** Epoch ms of the first enqueue, as the sender wrote it, or else when the transport took the message. */
export function firstEnqueueOf(written: string | undefined, sentAt: number): number {
  return Math.min(Date.parse(written ?? '') || sentAt, sentAt);
}

/** Whole seconds since the first enqueue of the oldest of these; 0: there is none. */
export function oldestSeconds(
  deliveries: readonly Pick<Delivery, 'attributes' | 'facts'>[],
  now = Date.now(),
): number {
  const times = deliveries.map(({ attributes, facts }) =>
    firstEnqueueOf(attributes[firstEnqueueAttribute], facts.sentAt.getTime()),
  );
  return Math.floor(Math.max(0, ...times.map((time) => now - time)) / 1000);
}
