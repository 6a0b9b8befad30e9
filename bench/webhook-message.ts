import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';

/** A record of a queue around a body. */
export function messageOf(body: unknown): SQSRecord {
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
}

/** The event of that number, as the relay sends it. */
export function eventMessage(n: number, type: string, data: object): SQSRecord {
  const time = new Date().toISOString();
  return messageOf({
    ...{ specversion: '1.0', id: `1/order/o-${n}/1`, source: 'shop', epoch: '1', aggregate: `o-${n}` },
    ...{ type, subject: `o-${n}`, time, version: '1', datacontenttype: 'application/json' },
    ...{ firstenqueue: time, data },
  });
}
