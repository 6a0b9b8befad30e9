import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { DeadLetter } from '../consumer/dead-letter.js';
import type { Deferral } from '../consumer/transport.js';
import { DependencyFailed, errorText } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';
import { ChangeMessageVisibilityBatchCommand, SendMessageCommand } from './client.js';
import { deadLetterMessage } from './dead-letter.js';
import type { SqsDelivery } from './delivery.js';
import type { SqsTransportOptions } from './transport-options.js';

/** SQS: entries in one call. */
const callSize = 10;

/**
 * Sends a copy of a message to the dead-letter queue. The message may be acknowledged only after this has returned.
 *
 * @throws DependencyFailed; nothing is lost, because the message is then not acknowledged.
 */
export async function sendDeadLetter(
  { client, deadLetterQueueUrl, storeBody }: SqsTransportOptions,
  record: SQSRecord,
  letter: DeadLetter,
  { signal }: Limits,
): Promise<void> {
  const { message, stored } = deadLetterMessage(record, letter, storeBody !== undefined);
  try {
    if (stored !== undefined) await storeBody?.(stored.id, record.body);
    await (
      await client()
    ).send(new SendMessageCommand({ ...message, QueueUrl: deadLetterQueueUrl }), { abortSignal: signal });
  } catch (cause) {
    throw new DependencyFailed(`the dead letter is not known to be sent: ${errorText(cause)}`, { cause });
  }
}

/**
 * Has messages come again when it makes sense to try, by ChangeMessageVisibility and never by sending them anew
 * (R21). Never throws: what is not changed comes again when the visibility timeout ends.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
 */
export async function defer(
  client: () => Promise<SQSClient>,
  queueUrl: string,
  deferrals: readonly Deferral<SqsDelivery>[],
  { signal }: Limits,
): Promise<void> {
  const entries = deferrals.map(({ delivery: { record }, seconds }, i) => ({
    Id: `${i}-${record.messageId}`.slice(0, 80),
    ReceiptHandle: record.receiptHandle,
    VisibilityTimeout: seconds,
  }));
  try {
    const sqs = await client();
    for (let at = 0; at < entries.length; at += callSize) {
      const Entries = entries.slice(at, at + callSize);
      const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries });
      await sqs.send(command, { abortSignal: signal });
    }
  } catch (error) {
    logLine({ exactlyOnce: 'not deferred', ...errorLine(error) });
  }
}
