import type { SQSClient } from '@aws-sdk/client-sqs';
import { Waiting } from '../dedup/errors.js';
import type { Arrival } from '../consumer/arrival.js';
import { logLine } from '../telemetry/log-line.js';

const baseSeconds = 2;
const factor = 4;
const capSeconds = 15 * 60;
/** SQS: 12 hours from the receive, of which a batch may have used up to 15 minutes. */
const maxSeconds = 11.5 * 3600;

/** SQS: entries in one call. */
const callSize = 10;

/**
 * Seconds after which a message comes again: exponential in its failures (2, 8, 32, 128, 512 s at most, then 15 minutes) with full
 * jitter, at once when only time was short.
 *
 * @param failures of the message, the present one included
 */
export function delaySeconds({ error, failed, receiveCount }: Arrival<unknown>, failures: number): number {
  if (error instanceof Waiting)
    return Math.ceil(Math.min(maxSeconds, Math.max(0, (error.retryAt - Date.now()) / 1000)));
  if (error === undefined) return 0;
  const n = failed ? failures : receiveCount;
  return Math.floor(Math.random() * Math.min(capSeconds, baseSeconds * factor ** (n - 1)));
}

/**
 * Has messages come again when it makes sense to try, by ChangeMessageVisibility and never by sending them anew (R21). The messages
 * of one lane are given the time of their first: SQS hands out none of a FIFO group while one of them is hidden. Never throws: what
 * is not changed comes again when the visibility timeout ends.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
 */
export async function defer(
  client: () => Promise<SQSClient>,
  queueUrl: string,
  handedBack: readonly Arrival<unknown>[],
  failuresOf: (arrival: Arrival<unknown>) => number,
): Promise<void> {
  const lanes = Map.groupBy(handedBack, ({ lane }) => lane);
  const entries = [...lanes.values()].flatMap((members) => {
    const [head] = members;
    if (head === undefined) return [];
    const VisibilityTimeout = delaySeconds(head, failuresOf(head));
    return members.map(({ record }, i) => ({
      Id: `${i}-${record.messageId}`.slice(0, 80),
      ReceiptHandle: record.receiptHandle,
      VisibilityTimeout,
    }));
  });
  try {
    const { ChangeMessageVisibilityBatchCommand } = await import('./client.js');
    const sqs = await client();
    for (let at = 0; at < entries.length; at += callSize)
      await sqs.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: queueUrl,
          Entries: entries.slice(at, at + callSize),
        }),
      );
  } catch (error) {
    logLine({ exactlyOnce: 'not deferred', error: String(error) });
  }
}
