import type { SQSClient } from '@aws-sdk/client-sqs';

/** For the dead-letter queue; everything else of SQS is in `sqs`. */
export type { SQSClient } from '@aws-sdk/client-sqs';

/** A client that is made when it is first needed. */
export function queueClient(given: SQSClient | undefined): () => Promise<SQSClient> {
  let sqs = given;
  return async () => {
    const { SQSClient } = await import('../sqs/client.js');
    // Else the client follows the host in the queue's URL, past the endpoint that it was given.
    return (sqs ??= new SQSClient({ useQueueUrlAsEndpoint: false }));
  };
}
