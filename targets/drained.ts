import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';

const counts = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

/**
 * For a target that polls by itself: resolves when every queue has said for a minute that it is empty. One look is
 * not enough, because on AWS the counts are approximate and follow within about a minute.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
 */
export async function drained(
  sqs: SQSClient,
  queueUrls: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  for (let empty = 0; empty < 13; empty += 1) {
    if (empty > 0) await sleep(5000, undefined, signal && { signal });
    for (const QueueUrl of queueUrls) {
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...counts] }),
      );
      if (Object.values(Attributes).some((count) => count !== '0')) empty = 0;
    }
  }
}
