/** SQS takes a group for noisy from this many of its messages in flight on, */
const noisyMessages = 30;
/** and when they are more than this share of all in flight. */
const noisyShare = 0.1;

/** In flight at the least for the share to tell a group from its neighbours. */
export const fairFrom = noisyMessages / noisyShare;

/**
 * Most messages that a consumer of a Standard queue has in flight, where they are too few for fair queues to see a
 * noisy group by its share. Undefined where they are enough.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
 */
export function tooFewToBeFair(maxConcurrency: number, batchSize: number): number | undefined {
  const inFlight = maxConcurrency * batchSize;
  return inFlight < fairFrom ? inFlight : undefined;
}
