import type { SQSRecord } from 'aws-lambda';
import type { SqsConsumer } from '../sqs/handler.js';
import { ExactlyOnceError } from '../dedup/errors.js';
import { receivedAgain, sentAgain } from './records.js';

/** A test helper could not do what it was asked, or found the handler wanting. */
export class TestingError extends ExactlyOnceError {
  override name = 'TestingError';
}

export interface DeliverOptions {
  /** Time that the handler's context says is left. @default 30000 */
  readonly remainingMs?: number;
  /** How often a message may come back before the helper gives up. @default 20 */
  readonly maxReceives?: number;
}

const batchSize = 10;

/**
 * Plays the queue: hands the records out in batches of ten, and again what the handler returns or throws over, until
 * nothing is left. Records of one group keep their order.
 *
 * @throws TestingError when a message still comes back after `maxReceives`.
 */
export async function deliver(
  handler: SqsConsumer,
  records: readonly SQSRecord[],
  { remainingMs = 30_000, maxReceives = 20 }: DeliverOptions = {},
): Promise<void> {
  let waiting = [...records];
  for (let receives = 0; waiting.length > 0; receives += 1) {
    if (receives === maxReceives)
      throw new TestingError(`${waiting.length} messages still come back after ${maxReceives} receives`);
    const back: SQSRecord[] = [];
    for (let at = 0; at < waiting.length; at += batchSize) {
      const batch = waiting.slice(at, at + batchSize);
      const failed = await failedOf(handler, batch, remainingMs);
      back.push(...batch.filter(({ messageId }) => failed.has(messageId)));
    }
    waiting = back.map(receivedAgain);
  }
}

/** Delivers every record, and then every record again as a new message with the same content. */
export async function deliverTwice(
  handler: SqsConsumer,
  records: readonly SQSRecord[],
  options?: DeliverOptions,
): Promise<void> {
  await deliver(handler, records, options);
  await deliver(handler, records.map(sentAgain), options);
}

/**
 * The records in another order, for what a Standard queue may do: the same seed gives the same order.
 *
 * @throws TestingError for records of a FIFO group, which SQS never reorders.
 */
export function reorder(records: readonly SQSRecord[], seed: number): SQSRecord[] {
  if (records.some(({ attributes }) => attributes.SequenceNumber !== undefined))
    throw new TestingError('a FIFO queue keeps the order of a group; make the records without `group`');
  const shuffled = [...records];
  let state = seed >>> 0;
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    // Numerical Recipes' linear congruential generator: good enough for an order.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as SQSRecord, shuffled[i] as SQSRecord];
  }
  return shuffled;
}

/** Lambda takes a throw as the failure of the whole batch. */
async function failedOf(handler: SqsConsumer, batch: SQSRecord[], remainingMs: number): Promise<Set<string>> {
  try {
    const { batchItemFailures } = await handler(
      { Records: batch },
      { getRemainingTimeInMillis: () => remainingMs },
    );
    return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  } catch {
    return new Set(batch.map(({ messageId }) => messageId));
  }
}
