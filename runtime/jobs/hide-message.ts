import type { SQSClient } from '@aws-sdk/client-sqs';

/** Keeps messages hidden while their jobs run. */
export interface MessageHider {
  received(messageId: string, receiptHandle: string): void;
  /**
   * Hides it for `seconds` from now on. It shortens a longer time too: a job whose worker is killed comes back that
   * much sooner.
   */
  hide(messageId: string): Promise<void>;
  forget(messageId: string): void;
}

/**
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html (at
 *   most 12 hours from
 *   the receive; a job that takes longer is handed out again, and its second worker finds it running)
 */
export function hideMessage(queueUrl: string, seconds: number, given: SQSClient | undefined): MessageHider {
  const handles = new Map<string, string>();
  let client = given;
  return {
    received: (messageId, receiptHandle) => handles.set(messageId, receiptHandle),
    forget: (messageId) => handles.delete(messageId),
    hide: async (messageId) => {
      const ReceiptHandle = handles.get(messageId);
      if (ReceiptHandle === undefined) return;
      const { ChangeMessageVisibilityCommand, SQSClient } = await import('@aws-sdk/client-sqs');
      // Else the client follows the host in the queue's URL, past the endpoint that it was given.
      client ??= new SQSClient({ useQueueUrlAsEndpoint: false });
      const VisibilityTimeout = Math.ceil(seconds);
      await client.send(
        new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle, VisibilityTimeout }),
      );
    },
  };
}
