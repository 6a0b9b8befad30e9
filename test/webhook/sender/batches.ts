import { randomUUID } from 'node:crypto';
import type { SQSEvent, SQSRecord } from 'aws-lambda';

/** Messages as Lambda hands them out, ten at a time. */
export const SenderBatches = {
  of(bodies: readonly unknown[]): SQSEvent[] {
    return Array.from({ length: Math.ceil(bodies.length / 10) }, (_, i) => ({
      Records: bodies.slice(i * 10, i * 10 + 10).map((body) => SenderBatches.record(body)),
    }));
  },

  record(body: unknown): SQSRecord {
    const sentAt = String(Date.now());
    return {
      ...{ messageId: randomUUID(), receiptHandle: randomUUID(), body: JSON.stringify(body), md5OfBody: '' },
      ...{ messageAttributes: {}, eventSource: 'aws:sqs', awsRegion: 'us-east-1' },
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:events',
      attributes: {
        ...{ ApproximateReceiveCount: '1', SentTimestamp: sentAt, SenderId: 's' },
        ApproximateFirstReceiveTimestamp: sentAt,
      },
    };
  },
};
