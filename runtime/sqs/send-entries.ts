import type { SendMessageBatchRequestEntry, SQSClient } from '@aws-sdk/client-sqs';
import { unaccepted } from '../send/refusal.js';
import { entriesPerCall } from '../send/target.js';

/**
 * What SQS takes in one call: 10 messages, and 1 MiB, attributes included.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export const queueLimits = { events: entriesPerCall, bytes: 1_048_576 } as const;

/**
 * Sends messages in one call. An answer of 200 says nothing of its entries: each may have failed by itself, and the
 * SDK never sends one again.
 *
 * @returns what was not accepted, each with the reason
 * @throws the SDK's error when the call failed as a whole
 */
export async function sendEntries<E>(
  sqs: SQSClient,
  queueUrl: string,
  events: readonly E[],
  entryOf: (event: E) => Omit<SendMessageBatchRequestEntry, 'Id'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<E, unknown>> {
  const { SendMessageBatchCommand } = await import('@aws-sdk/client-sqs');
  const answer = await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: queueUrl,
      Entries: events.map((event, index) => ({ ...entryOf(event), Id: String(index) })),
    }),
    { abortSignal: signal },
  );
  return unaccepted(queueUrl, events, answer);
}

/** A client of the function's own Region. Loaded when it is needed: who sends nothing does not pay for it. */
export async function newSqsClient(): Promise<SQSClient> {
  const { SQSClient } = await import('@aws-sdk/client-sqs');
  // Else the client follows the host in the queue's URL, past the endpoint that it was given.
  return new SQSClient({ useQueueUrlAsEndpoint: false });
}
