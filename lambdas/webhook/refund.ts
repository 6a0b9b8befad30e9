import * as z from 'zod/mini';
import { cloudEvent } from '../../runtime/outbox/index.js';

/** Types of the payment provider that say what became of a refund. Its other types are answered, and do nothing. */
export const refundTypes = ['refund.created', 'refund.updated'];

/** An event of Stripe about a refund, as the receiver publishes it. The payment was made with its id as metadata. */
export const RefundReported = cloudEvent(
  z.object({
    data: z.object({
      object: z.object({
        id: z.string().check(z.minLength(1), z.maxLength(255)),
        amount: z.int().check(z.positive()),
        status: z.string(),
        metadata: z.object({ paymentId: z.string().check(z.minLength(1), z.maxLength(255)) }),
      }),
    }),
  }),
);
