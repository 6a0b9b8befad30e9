import { GetQueueAttributesCommand, type SQSClient, type QueueAttributeName } from '@aws-sdk/client-sqs';

/** Messages of a queue. SQS counts them approximately. */
export interface Depth {
  readonly waiting: number;
  /** In somebody's hands. */
  readonly inFlight: number;
  readonly delayed: number;
}

export async function queueDepth(sqs: SQSClient, QueueUrl: string): Promise<Depth> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  const count = (name: QueueAttributeName) => Number(Attributes[name] ?? 0);
  return {
    waiting: count('ApproximateNumberOfMessages'),
    inFlight: count('ApproximateNumberOfMessagesNotVisible'),
    delayed: count('ApproximateNumberOfMessagesDelayed'),
  };
}

/** All of them. */
export function messagesOf({ waiting, inFlight, delayed }: Depth): number {
  return waiting + inFlight + delayed;
}
