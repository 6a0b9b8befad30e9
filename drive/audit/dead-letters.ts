import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { AuditReadError } from '../drive-error.js';

export interface DeadLetter {
  /** From the body, or from what the consumer noted beside it; undefined when neither says. */
  readonly id?: string;
  /** Undefined when SQS moved the message by itself, which no consumer decided. */
  readonly reason?: string;
}

/**
 * Takes every message off a dead-letter queue and returns what they say.
 *
 * They are deleted because a FIFO queue gives out a group's later messages only when the earlier ones are gone: read
 * a queue this way only when it goes with its stack.
 *
 * @param waitSeconds how long to wait for a message before the queue counts as empty. On AWS a receive that does not
 * wait asks only some of SQS's servers and may miss what is there. @default 1
 */
export async function takeDeadLetters(
  sqs: SQSClient,
  queueUrl: string,
  waitSeconds = 1,
): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        WaitTimeSeconds: waitSeconds,
      }),
    );
    if (Messages.length === 0) return letters;
    letters.push(...Messages.map(letterOf));
    await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
  }
}

/**
 * Messages a queue holds, those in flight included. Approximate on AWS, exact on the embedded target.
 *
 * @throws AuditReadError when the queue does not say
 */
export async function queueDepth(sqs: SQSClient, queueUrl: string): Promise<number> {
  const names = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }),
  );
  return names.reduce((sum, name) => sum + depthOf(queueUrl, name, Attributes?.[name]), 0);
}

/** A queue that does not say how much it holds is not empty. @throws AuditReadError */
function depthOf(queueUrl: string, name: string, value: string | undefined): number {
  if (value === undefined || !/^\d+$/.test(value)) throw new AuditReadError(queueUrl, name, String(value));
  return Number(value);
}

function letterOf({ Body, MessageAttributes }: Message): DeadLetter {
  const body = fieldsOf(Body);
  const note = fieldsOf(MessageAttributes?.ExactlyOnce?.StringValue);
  return {
    id: textOf(dataOf(body).paymentId) ?? textOf(body.paymentId) ?? textOf(body.eventId) ?? textOf(note.key),
    reason: textOf(note.reason),
  };
}

/** What an event carries. */
function dataOf({ data }: Record<string, unknown>): Record<string, unknown> {
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
}

function fieldsOf(json: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
