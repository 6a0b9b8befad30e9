import type { SQSClient } from '@aws-sdk/client-sqs';

export interface SqsTransportOptions {
  readonly client: () => Promise<SQSClient>;
  readonly deadLetterQueueUrl: string;
  /** @default - messages come again when their visibility timeout ends */
  readonly queueUrl?: string;
  /** Keeps a body that has no room in a dead letter, under that id. @default - there is no place for it */
  readonly storeBody?: (id: string, body: string) => Promise<void>;
}
