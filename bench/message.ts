import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';

/** The message that both sides handle: one payment of one account. */
export const Payment = z.object({
  /** Business key: what makes a second copy a duplicate. */
  id: z.string(),
  account: z.string(),
  cents: z.int(),
  /** The producer's count within the account, for the aggregate way. */
  version: z.string(),
});
export type Payment = z.infer<typeof Payment>;

/** Makes the payments of accounts, numbering them as a producer with an outbox does. */
export class Producer {
  readonly #versions = new Map<string, number>();

  payment(account: string): Payment {
    const version = (this.#versions.get(account) ?? 0) + 1;
    this.#versions.set(account, version);
    return { id: randomUUID(), account, cents: 1999, version: String(version) };
  }

  /** A batch of payments, one record per account given. */
  batch(accounts: readonly string[], queue: Queue): SQSRecord[] {
    return accounts.map((account) => recordOf(this.payment(account), queue));
  }
}

export type Queue = 'FIFO' | 'Standard';

let sent = 0n;

/** The record as Lambda hands it over; on FIFO the account is the group. */
export function recordOf(payment: Payment, queue: Queue): SQSRecord {
  sent += 1n;
  const fifo = {
    MessageGroupId: payment.account,
    MessageDeduplicationId: randomUUID(),
    SequenceNumber: String(18849496460467696128n + 256n * sent),
  };
  return {
    messageId: randomUUID(),
    receiptHandle: randomUUID(),
    body: JSON.stringify(payment),
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: String(Date.now()),
      SenderId: 'AIDAEXAMPLE',
      ApproximateFirstReceiveTimestamp: String(Date.now()),
      ...(queue === 'FIFO' ? fifo : {}),
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:payments${queue === 'FIFO' ? '.fifo' : ''}`,
    awsRegion: 'us-east-1',
  };
}

/** The same message handed out by the queue once more. */
export function redelivered(record: SQSRecord): SQSRecord {
  const receives = Number(record.attributes.ApproximateReceiveCount) + 1;
  return { ...record, attributes: { ...record.attributes, ApproximateReceiveCount: String(receives) } };
}
