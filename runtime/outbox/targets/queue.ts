import type { SQSClient } from '@aws-sdk/client-sqs';
import { newSqsClient, queueLimits, sendEntries } from '../../sqs/send-entries.js';
import { traceHeaderOf } from '../../send/trace-fields.js';
import { attributesOf, bodyOf, messageBytes, textAttribute, type RelayTarget } from './target.js';

export interface QueueTargetOptions {
  /** FIFO when it ends in `.fifo`. */
  readonly queueUrl: string;
  /** @default - all */
  readonly types?: readonly string[];
  /** @default - a client of the function's own region */
  readonly client?: SQSClient;
}

/**
 * An SQS queue. The body is the event, the attribute `type` its type, the message group the event's group. A trace
 * that the event was published with is in `traceparent`, `tracestate` and AWSTraceHeader.
 *
 * FIFO: in order within the group, and a second send of one event within 5 minutes is dropped by the queue. What is
 * sent again later arrives again: the consumer recognises it by key or version, never by SequenceNumber (R31).
 *
 * Standard: unordered and at least once. The group makes it a fair queue. A consumer that needs the order takes it
 * from the producer's version (`sqsAggregateConsumer` with `producerVersion`).
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export function queueTarget({ queueUrl, types, client }: QueueTargetOptions): RelayTarget {
  const fifo = queueUrl.endsWith('.fifo');
  let sqs = client;
  return {
    name: queueUrl,
    types,
    call: {
      ...queueLimits,
      sizeOf: messageBytes,
    },
    async send(events, { signal }) {
      sqs ??= await newSqsClient();
      return sendEntries(
        sqs,
        queueUrl,
        events,
        (event) => {
          const header = event.trace && traceHeaderOf(event.trace);
          return {
            MessageBody: bodyOf(event),
            MessageAttributes: attributesOf(event),
            ...(header !== undefined && {
              MessageSystemAttributes: { AWSTraceHeader: textAttribute(header) },
            }),
            MessageGroupId: event.group,
            MessageDeduplicationId: fifo ? event.deduplicationId : undefined,
          };
        },
        signal,
      );
    },
  };
}
