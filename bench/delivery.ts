import type { SQSRecord } from 'aws-lambda';
import type { Handler } from './contenders/contender.js';
import { redelivered } from './message.js';

/** A batch that still has records after so many deliveries would be in the dead-letter queue of most people. */
const maxDeliveries = 50;

/**
 * Hands a batch to a handler as Lambda does. Returns the records that come again: all of them when the handler
 * throws.
 */
export async function deliver(
  handler: Handler,
  records: readonly SQSRecord[],
  remainingMs = 30_000,
): Promise<SQSRecord[]> {
  try {
    const { batchItemFailures } = await handler(
      { Records: [...records] },
      { getRemainingTimeInMillis: () => remainingMs },
    );
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    return records.filter(({ messageId }) => failed.has(messageId));
  } catch {
    return [...records];
  }
}

/**
 * Delivers until nothing comes again, at once where a queue would wait for the visibility timeout. Returns how many
 * deliveries of a record that took.
 *
 * @throws Error when records are left after 50 deliveries.
 */
export async function deliverUntilDone(handler: Handler, records: readonly SQSRecord[]): Promise<number> {
  let deliveries = 0;
  let open = [...records];
  for (let times = 0; open.length > 0; times += 1) {
    if (times === maxDeliveries)
      throw new Error(
        `${open.length} of ${records.length} records are left after ${maxDeliveries} deliveries`,
      );
    deliveries += open.length;
    open = (await deliver(handler, open)).map(redelivered);
  }
  return deliveries;
}
