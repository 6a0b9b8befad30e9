import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { InvalidSettings } from '../dedup/errors.js';
import type { SqsConsumer } from '../sqs/handler.js';
import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';
import type { TaskProtection } from './task-protection.js';

export interface WorkOffOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  /** ARN of the queue, for dead letters. */
  readonly queueArn: string;
  /**
   * Stops receiving; what runs is waited for, and so is the receive that is under way. Fargate sends SIGTERM before
   * it stops a task.
   */
  readonly signal: AbortSignal;
  /** How long a receive waits for a job, and so a stop for a receive: 0 to 20. @default 20 */
  readonly waitTimeSeconds?: number;
  /** Jobs at a time: 1 or more. @default 1 */
  readonly concurrency?: number;
  /**
   * Keeps the ECS task from being stopped while jobs run: `taskProtection(process.env)`, which does nothing
   * elsewhere. It is asked for, because without it Fargate may stop a task in the middle of a job.
   */
  readonly protection: TaskProtection;
}

/** No limit of an invocation here: the job's heartbeat is what counts. */
const unlimitedMs = 24 * 3_600_000;
const longPollSeconds = 20;
/** A call that is not answered by then, what it waits for apart, never will be. */
const answerWithinMs = 5_000;
const longestPauseMs = 20_000;

/**
 * Receives jobs and has the worker do them until the signal fires: for jobs that take longer than a Lambda function
 * may (15 minutes). The worker is the very handler that Lambda would call.
 *
 * A receive that fails is tried again for as long as it takes, with a pause of up to 20 seconds and a line in the
 * log. So is a job whose worker threw: its message comes again. While jobs run, the ECS task that they run in is
 * protected from being taken away by scaling and deployments (`protection`). A job that comes once the signal has
 * fired goes back to the queue at once.
 *
 * @throws what the SDK throws when the queue is not there or may not be read, which no try mends. What runs is waited
 *   for first. InvalidSettings at once, when a number is out of its range.
 */
export async function workOff(worker: SqsConsumer, options: WorkOffOptions): Promise<void> {
  const { concurrency = 1, waitTimeSeconds = longPollSeconds, signal } = options;
  const problems: string[] = [];
  if (!Number.isInteger(concurrency) || concurrency < 1)
    problems.push(`concurrency must be a whole number of 1 or more, got ${concurrency}`);
  if (!Number.isInteger(waitTimeSeconds) || waitTimeSeconds < 0 || waitTimeSeconds > longPollSeconds)
    problems.push(
      `waitTimeSeconds must be a whole number from 0 to ${longPollSeconds}, got ${waitTimeSeconds}`,
    );
  if (problems.length > 0) throw new InvalidSettings(problems);
  const broken = new AbortController();
  const lanes = Array.from({ length: concurrency }, async () =>
    lane(worker, { ...options, signal: AbortSignal.any([signal, broken.signal]) }).catch((error: unknown) => {
      // The other lanes receive no more, and end what they have.
      broken.abort();
      throw error;
    }),
  );
  const ended = await Promise.allSettled(lanes);
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

async function lane(worker: SqsConsumer, options: WorkOffOptions): Promise<void> {
  const { sqs, queueUrl, signal, protection } = options;
  for (let failed = 0; !signal.aborted;) {
    const pause = async (what: string, error: unknown) => {
      failed += 1;
      logLine({ exactlyOnce: what, ...errorLine(error) });
      await sleep(Math.random() * Math.min(longestPauseMs, 100 * 2 ** failed), undefined, { signal }).catch(
        () => undefined,
      );
    };
    let record: SQSRecord | undefined;
    try {
      record = await receive(options);
    } catch (error) {
      if (isHopeless(error)) throw error;
      await pause('jobs not received', error);
      continue;
    }
    if (record === undefined) continue;
    if (!(await protection.begin())) {
      // The task is about to be stopped: another one does the job.
      await handBack(sqs, queueUrl, record);
      await pause('task not protected', new Error());
      continue;
    }
    try {
      const answer = await worker({ Records: [record] }, { getRemainingTimeInMillis: () => unlimitedMs });
      if (answer.batchItemFailures.length === 0) await acknowledge(sqs, queueUrl, record);
      failed = 0;
    } catch (error) {
      await pause('job not ended', error);
    } finally {
      await protection.end();
    }
  }
}

/** What no second try mends: a person has to. */
function isHopeless(error: unknown): boolean {
  return (
    error instanceof Error &&
    /AccessDenied|QueueDoesNotExist|NonExistentQueue|InvalidAddress|InvalidClientTokenId|UnrecognizedClient/.test(
      error.name,
    )
  );
}

async function handBack(sqs: SQSClient, QueueUrl: string, { receiptHandle }: SQSRecord): Promise<void> {
  // Where it fails, the message is visible again after the queue's own timeout.
  await sqs
    .send(
      new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: receiptHandle, VisibilityTimeout: 0 }),
      { abortSignal: AbortSignal.timeout(answerWithinMs) },
    )
    .catch(() => undefined);
}

async function acknowledge(sqs: SQSClient, QueueUrl: string, { receiptHandle }: SQSRecord): Promise<void> {
  try {
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receiptHandle }), {
      abortSignal: AbortSignal.timeout(answerWithinMs),
    });
  } catch (error) {
    // It was handed out again meanwhile, or is gone. Whoever gets it finds the job done.
    if (!(error instanceof Error) || !staleHandle.has(error.name)) throw error;
  }
}
const staleHandle = new Set(['ReceiptHandleIsInvalid', 'InvalidParameterValue']);

/**
 * A stop does not end it: SQS may give a message to a receive whose caller has gone, and nobody would see it before
 * its visibility timeout. What comes then is handed back. Source: https://github.com/aws/aws-sdk-java-v2/issues/1395
 */
async function receive(options: WorkOffOptions): Promise<SQSRecord | undefined> {
  const { sqs, queueUrl, queueArn, signal, waitTimeSeconds = longPollSeconds } = options;
  const command = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: 1,
    WaitTimeSeconds: waitTimeSeconds,
    MessageAttributeNames: ['All'],
    MessageSystemAttributeNames: ['All'],
  });
  const abortSignal = AbortSignal.timeout(waitTimeSeconds * 1_000 + answerWithinMs);
  const { Messages: [message] = [] } = await sqs.send(command, { abortSignal });
  const record = message && recordOf(message, queueArn);
  if (record === undefined || !signal.aborted) return record;
  await handBack(sqs, queueUrl, record);
  return undefined;
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
