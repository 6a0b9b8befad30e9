import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { toRecord } from '../../targets/event-source/record.js';
import type { SqsConsumer } from '../../runtime/sqs/index.js';

/** Two queues of this test's own. */
export interface Channel {
  readonly fifo: boolean;
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly deadLetterQueueUrl: string;
}

export async function newChannel(client: SQSClient, fifo: boolean): Promise<Channel> {
  const create = async (attributes: Record<string, string> = {}) => {
    const { QueueUrl = '' } = await client.send(
      new CreateQueueCommand({
        QueueName: `q-${randomUUID()}${fifo ? '.fifo' : ''}`,
        Attributes: { ...attributes, ...(fifo && { FifoQueue: 'true' }) },
      }),
    );
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    return { url: QueueUrl, arn: Attributes?.QueueArn ?? '' };
  };
  const deadLetters = await create();
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 1000 });
  const queue = await create({ RedrivePolicy });
  return { fifo, queueUrl: queue.url, queueArn: queue.arn, deadLetterQueueUrl: deadLetters.url };
}

export async function send(
  client: SQSClient,
  { fifo, queueUrl }: Channel,
  message: Pick<SendMessageCommandInput, 'MessageBody' | 'MessageGroupId' | 'MessageAttributes'>,
): Promise<void> {
  const id = fifo ? { MessageDeduplicationId: randomUUID() } : {};
  await client.send(new SendMessageCommand({ QueueUrl: queueUrl, ...message, ...id }));
}

/**
 * Plays the mapping: hands batches to the consumer until the queue is empty and, while it is given, `busy` is false.
 */
export async function poll(
  client: SQSClient,
  { queueUrl, queueArn }: Channel,
  consumer: SqsConsumer,
  busy: () => boolean = () => false,
): Promise<void> {
  for (;;) {
    const wasBusy = busy();
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 30,
        WaitTimeSeconds: wasBusy ? 1 : 0,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0 && !wasBusy) return;
    if (Messages.length === 0) continue;
    const Records = Messages.map((message) => toRecord(message, queueArn) as object as SQSRecord);
    const { batchItemFailures } = await consumer({ Records }, { getRemainingTimeInMillis: () => 30_000 });
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { MessageId = '', ReceiptHandle } of Messages)
      if (!failed.has(MessageId))
        await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
  }
}

/** Messages of a queue, those in flight included. */
export async function count(client: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes).reduce((sum, text) => sum + Number(text), 0);
}
