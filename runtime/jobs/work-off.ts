import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { SqsConsumer } from '../sqs/handler.js';

export interface WorkOffOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  /** ARN of the queue, for dead letters. */
  readonly queueArn: string;
  /** Stops receiving; what runs is waited for. Fargate sends SIGTERM before it stops a task. */
  readonly signal: AbortSignal;
  /** Jobs at a time. @default 1 */
  readonly concurrency?: number;
}

/** No limit of an invocation here: the job's heartbeat is what counts. */
const unlimitedMs = 24 * 3_600_000;
const longPollSeconds = 20;

/**
 * Receives jobs and has the worker do them until the signal fires: for jobs that take longer than a Lambda function
 * may (15 minutes). The worker is the very handler that Lambda would call.
 *
 * @throws what the SDK throws when the queue cannot be read; nothing is lost, the task is started again.
 */
export async function workOff(worker: SqsConsumer, options: WorkOffOptions): Promise<void> {
  const { concurrency = 1 } = options;
  await Promise.all(Array.from({ length: concurrency }, async () => lane(worker, options)));
}

async function lane(worker: SqsConsumer, { sqs, queueUrl, queueArn, signal }: WorkOffOptions): Promise<void> {
  while (!signal.aborted) {
    const record = await receive(sqs, queueUrl, queueArn, signal);
    if (record === undefined) continue;
    const answer = await worker({ Records: [record] }, { getRemainingTimeInMillis: () => unlimitedMs });
    if (answer.batchItemFailures.length === 0) await acknowledge(sqs, queueUrl, record);
  }
}

async function acknowledge(sqs: SQSClient, QueueUrl: string, { receiptHandle }: SQSRecord): Promise<void> {
  try {
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receiptHandle }));
  } catch (error) {
    // It was handed out again meanwhile, or is gone. Whoever gets it finds the job done.
    if (!(error instanceof Error) || !staleHandle.has(error.name)) throw error;
  }
}
const staleHandle = new Set(['ReceiptHandleIsInvalid', 'InvalidParameterValue']);

async function receive(
  sqs: SQSClient,
  QueueUrl: string,
  queueArn: string,
  abortSignal: AbortSignal,
): Promise<SQSRecord | undefined> {
  const command = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 1,
    WaitTimeSeconds: longPollSeconds,
    MessageAttributeNames: ['All'],
    MessageSystemAttributeNames: ['All'],
  });
  try {
    const { Messages: [message] = [] } = await sqs.send(command, { abortSignal });
    return message && recordOf(message, queueArn);
  } catch (error) {
    if (abortSignal.aborted) return undefined;
    throw error;
  }
}

/** A message as Lambda hands it over. */
function recordOf(message: Message, eventSourceARN: string): SQSRecord {
  const { MessageId = '', ReceiptHandle = '', Body = '', MD5OfBody = '', Attributes = {} } = message;
  const messageAttributes: SQSRecord['messageAttributes'] = {};
  for (const [name, { DataType = '', StringValue, BinaryValue }] of Object.entries(
    message.MessageAttributes ?? {},
  ))
    messageAttributes[name] = {
      dataType: DataType,
      stringValue: StringValue,
      binaryValue: BinaryValue && Buffer.from(BinaryValue).toString('base64'),
    };
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes as unknown as SQSRecord['attributes'],
    messageAttributes,
    md5OfBody: MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN,
    awsRegion: eventSourceARN.split(':')[3] ?? '',
  };
}
