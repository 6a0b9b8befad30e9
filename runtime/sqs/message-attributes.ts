/** Of a copy in the dead-letter queue, and of one that was redriven: the JSON of a DeadLetter. */
export const deadLetterAttribute = 'ExactlyOnce';

/** Of a nudge: the stream that its consumer is to drain. The body says nothing. */
export const resumeAttribute = 'ExactlyOnceResume';

/** Of a nudge: the JSON of the position in an aggregate that its consumer is to pass over. The body says nothing. */
export const passOverAttribute = 'ExactlyOncePassOver';

/** The sender's: the identity of the message. It stays through retries, redrives and another queue. */
export const keyAttribute = 'ExactlyOnceKey';

/**
 * The sender's: when the message was first sent, ISO 8601. A redrive gives it a new enqueue time at SQS; horizons
 * count from here (R8).
 */
export const firstEnqueueAttribute = 'ExactlyOnceFirstEnqueue';

/** Epoch ms of the first enqueue, as the sender wrote it, or else when SQS took the message. */
export function firstEnqueueOf(written: string | undefined, sentTimestamp: string | undefined): number {
  return Math.min(Date.parse(written ?? '') || Infinity, Number(sentTimestamp));
}
