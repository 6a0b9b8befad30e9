import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { sqsAggregateConsumer, type ConsumerSettings, type SqsConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { cloudEvent, producerVersion } from '../../runtime/outbox/index.js';
import { Payment } from '../api/payment.js';

/** Who publishes, and the incarnation of its counts: another epoch after a restore (docs/runbook/restore.md). */
export const source = 'payments';

/** A payment was taken. One event per payment. */
export const PaymentAccepted = cloudEvent(Payment);

/** A payment was settled. Numbered per customer. */
export const PaymentSettled = cloudEvent(
  z.object({ paymentId: z.string(), customer: z.string(), cents: z.int() }),
);

/**
 * What a reader of settled payments keeps of a customer. Nothing of it hangs on a payment's id: an event that acts
 * twice shows in the sums, one that acts out of its turn in the trail.
 */
export interface View {
  readonly [attribute: string]: unknown;
  readonly payments: number;
  readonly cents: number;
  /** Hash of the trail so far and the payment's id. */
  readonly trail: string;
}

/**
 * Keeps one view of each customer, in the order in which the payments were settled, from whatever kind of queue they
 * come.
 */
export function viewConsumer(
  name: 'statement' | 'notification',
  tableName: string,
  settings: ConsumerSettings,
): SqsConsumer {
  const views = table({ name: tableName, partitionKey: 'customer', sortKey: 'view' });
  return sqsAggregateConsumer<typeof PaymentSettled, View>({
    settings,
    schema: PaymentSettled,
    table: views,
    aggregate: ({ body }) => ({ customer: body.aggregate, view: name }),
    version: ({ body }) => producerVersion(body),
    reduce: (state = { payments: 0, cents: 0, trail: '' }, { body: { data } }) => ({
      payments: state.payments + 1,
      cents: state.cents + data.cents,
      trail: createHash('sha256').update(`${state.trail} ${data.paymentId}`).digest('hex'),
    }),
  });
}
