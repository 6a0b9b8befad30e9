import { consumerSettings, sqsConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { outbox } from '../../runtime/outbox/index.js';
import { required } from '../environment.js';
import { PaymentAccepted, source } from '../outbox/payment-events.js';
import { settlement } from '../api/payment.js';

const names = {
  accounts: required('ACCOUNTS_TABLE'),
  payments: required('PAYMENTS_TABLE'),
  shop: required('SHOP_TABLE'),
};
const settle = settlement(names);
const accounts = table({ name: names.accounts, partitionKey: 'customer' });
const payments = table({ name: names.payments, partitionKey: 'paymentId' });
const events = outbox({ table: required('OUTBOX_TABLE'), source, epoch: required('OUTBOX_EPOCH') });

/**
 * Settles a payment and says so, in one commit. The events are numbered per customer: readers get a customer's
 * payments in order.
 */
export const handler = sqsConsumer({
  settings: consumerSettings(process.env),
  schema: PaymentAccepted,
  key: ({ body }) => body.data.paymentId,
  // The row of the payment is made anyway: it is the receipt, which saves one of its own.
  receipt: { table: payments, key: ({ body }) => ({ paymentId: body.data.paymentId }) },
  // Of two envelopes around one payment, the payment counts.
  fingerprint: ({ data }) => data,
  handle: ({ body: { data } }, tx) => {
    settle(data, tx);
    tx.publish(events, {
      aggregate: { table: accounts, key: { customer: data.customer }, kind: 'customer' },
      type: 'PaymentSettled',
      data: { paymentId: data.paymentId, customer: data.customer, cents: data.cents },
    });
  },
});
