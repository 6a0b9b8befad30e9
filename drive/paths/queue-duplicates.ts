import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { createHash } from 'node:crypto';
import { duplicateSchedule } from '../input/duplicate-schedule.js';
import { acceptedEvent } from '../input/payment-event.js';
import type { Purchase } from '../input/purchases.js';

export interface QueueDuplicatesOptions {
  sqs: SQSClient;
  queueUrl: string;
  seed: number;
  /** Share of payments sent a second time, 0 to 1. */
  share: number;
}

export interface QueueDuplicates {
  /** How many were put on the queue up to now. */
  readonly sent: number;
  /** To be called once a payment was accepted. Sends its duplicate if it gets one now, and those that are due. */
  afterAccepted(purchase: Purchase): Promise<void>;
  /** Sends what is still due later. */
  flush(): Promise<void>;
}

/**
 * Puts a seeded share of payments on the queue a second time: same payment, new message with a deduplication id of
 * its own, as a producer does that tries again after SQS has forgotten the first id (5 minutes). SQS takes it for
 * another message, so only the consumer can recognise it. When it comes, see duplicateSchedule.
 */
export function queueDuplicates(options: QueueDuplicatesOptions): QueueDuplicates {
  const { sqs, queueUrl, seed, share } = options;
  const schedule = duplicateSchedule<Purchase>(seed, share);
  let sent = 0;

  async function send(purchase: Purchase): Promise<void> {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: acceptedEvent(purchase),
        MessageGroupId: purchase.customer,
        MessageDeduplicationId: duplicateId(seed, purchase.paymentId),
      }),
    );
    sent += 1;
  }

  return {
    get sent() {
      return sent;
    },
    async afterAccepted(purchase) {
      for (const again of schedule.after(purchase.paymentId, purchase)) await send(again);
    },
    async flush() {
      for (const again of schedule.rest()) await send(again);
    },
  };
}

/** Deduplication id of a payment's duplicate, by which it is told from what the relay has sent. */
export function duplicateId(seed: number, paymentId: string): string {
  return createHash('sha256').update(`again ${seed} ${paymentId}`).digest('hex');
}
