import { randomUUID } from 'node:crypto';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Group } from '../dedup/group.js';
import { resumeAttribute } from './message-attributes.js';

/**
 * A message into the group, so that a consumer has a reason to look. Lost or doubled it does no harm. For the stream
 * of an aggregate on a FIFO queue it goes into a group of its own: messages for which there is no room in the
 * aggregate wait in the queue and hold their group, and the order is the aggregate's to keep.
 */
export async function nudge(sqs: SQSClient, { queueArn, group, stream, kind }: Group): Promise<void> {
  const [, , , , QueueOwnerAWSAccountId, QueueName] = queueArn.split(':');
  const { QueueUrl = '' } = await sqs.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }));
  await sendNudge(sqs, QueueUrl, resumeAttribute, stream, kind === 'aggregate' ? undefined : group);
}

export async function sendNudge(
  sqs: SQSClient,
  QueueUrl: string,
  attribute: string,
  value: string,
  group?: string,
): Promise<void> {
  const fifo = QueueUrl.endsWith('.fifo');
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: '{}',
      MessageGroupId: fifo ? (group ?? randomUUID()) : group,
      MessageDeduplicationId: fifo ? randomUUID() : undefined,
      MessageAttributes: { [attribute]: { DataType: 'String', StringValue: value } },
    }),
  );
}
